"""A folder of music becomes a dataset: scanned, heard track by track, written whole."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath

from muze.core.errors import DatasetError
from muze.data.store import iterate_dataset, known_suffix
from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Fields, Outcome, Task, Unheard
from muze.pipelines.build_cache import hash_files, sweep
from muze.pipelines.built import Built, is_ours, last_report, write_built
from muze.pipelines.kept import Kept, follow_moved, keep, owners
from muze.pipelines.listening import BuildSettings, cache_folder, memory_file, open_listener
from muze.pipelines.scan import Found, Refused, Scan, nothing_in, scan
from muze.pipelines.spool import Spool
from muze.report import Report


def build_dataset(
    folder: Path,
    output: Path,
    settings: BuildSettings,
    report: Report,
    *,
    metadata: Path | None = None,
    max_tracks: int | None = None,
    add: bool = False,
    force: bool = False,
) -> Built:
    """Hear a folder's tracks, write their records to ``output``, and return what came of it.

    What was heard before, of this or an interrupted build, is not heard again: the folder
    ``<output>.cache`` remembers it by the sound's own hash. With ``add`` the records that
    ``output`` has stay as they are, but those of files that have changed; those of files that were
    moved have the new path. Where nothing could be heard, only the report is written.

    Raises:
        DatasetError: there is no such folder, it holds no sound files, the metadata makes no
            sense, ``output`` is no name of a dataset, was changed by somebody else since it was
            built, or has tracks that lie elsewhere.
    """
    known_suffix(output)
    ours = is_ours(output) or (force and not add)
    if not add and not ours:
        raise DatasetError(
            f"{output}: is not as a build left it; what was changed would be lost. --force "
            "overwrites it; corrections are kept in a table given with --metadata"
        )
    listener = open_listener(settings, recalls=True)
    found = scan(folder)
    under = _relative(folder, output.parent)
    refused = [Refused(_joined(under, r.path), r.reason, r.broken) for r in found.refused]
    if not found.files and not any(item.broken for item in refused):
        raise DatasetError(nothing_in(folder))
    if not add and not force:
        _check_elsewhere(output, found, under)
    sweep(output)
    built = Built(refused=refused)
    told = {} if metadata is None else _outside(metadata, found, built)
    with Spool(cache_folder(output)) as spool:
        kept = keep(output, spool) if add else []
        now = _hashed(found, found.files[:max_tracks], output, under, built, report)
        kept, moved = follow_moved(kept, {p: d for _, p, d in now}, output.parent, spool)
        built.note(moved)
        tasks = _tasks(found, now, output, kept, told, built)
        places: dict[str, int] = {}
        with closing(_outcomes(tasks, listener, settings, report)) as outcomes:
            for outcome in outcomes:
                built.count(outcome)
                if outcome.record is not None:
                    places[outcome.audio_path] = spool.put(outcome.record)
        built.refused.sort(key=lambda item: item.path)
        order = [record.place for record in kept if record.audio_path not in places]
        order += [places[task.audio_path] for task in tasks if task.audio_path in places]
        folders = _folders(output, under) if add else [under]
        write_built(output, built, spool, order, ours, folders)
    return built


def _outcomes(
    tasks: Sequence[Task], listener: Listener, settings: BuildSettings, report: Report
) -> Generator[Outcome, None, None]:
    """Yield what is known of tracks already, then what is newly heard, as it is done."""
    unheard: list[Task] = []
    advance = report.task("recalling tracks", len(tasks))
    for task in tasks:
        try:
            yield listener.annotate(task)
        except Unheard:
            unheard.append(task)
        advance()
    if unheard:
        advance = report.task("hearing tracks", len(unheard))
        # closed at once where this is, so that its processes end with it
        with closing(_annotate(unheard, settings)) as heard:
            for outcome in heard:
                yield outcome
                advance()


def _annotate(tasks: Sequence[Task], settings: BuildSettings) -> Generator[Outcome, None, None]:
    if settings.engine == "ray":
        from muze.pipelines.ray_engine import annotate_on_ray

        return annotate_on_ray(tasks, settings)
    from muze.pipelines.local_engine import annotate_locally

    return annotate_locally(tasks, settings)


def _hashed(
    found: Scan, files: Sequence[Found], output: Path, under: str, built: Built, report: Report
) -> list[tuple[Found, str, str]]:
    """Return files with their path from the dataset, and their hash; note which cannot be read."""
    hashed = []
    for file, digest in hash_files(found.folder, files, cache_folder(output), report):
        path = _joined(under, file.path)
        if isinstance(digest, OSError):
            built.refused.append(Refused(path, f"cannot be read ({digest.strerror})"))
        else:
            hashed.append((file, path, digest))
    return hashed


def _tasks(
    found: Scan,
    now: Sequence[tuple[Found, str, str]],
    output: Path,
    kept: Sequence[Kept],
    told: Mapping[str, tuple[Fields, Fields]],
    built: Built,
) -> list[Task]:
    """Return a task for each sound that is there once, but those whose records stay.

    The same file again is left out; a sound that a record of ``kept`` has is its.
    """
    owner = owners(kept, {path: digest for _, path, digest in now}, output.parent)
    # a record that tells no hash was not built here, and is not known to have changed
    same = {record.audio_path: record.sha256 for record in kept}
    tasks = []
    for file, path, digest in now:
        if owner.setdefault(digest, path) != path:
            built.refused.append(Refused(path, f"is the same file as {owner[digest]}", False))
        elif same.get(path, "") not in (None, digest):
            fields, provenance = told.get(file.path, ({}, {}))
            memory = memory_file(cache_folder(output), digest)
            tasks.append(Task(found.folder / file.path, path, digest, fields, provenance, memory))
    return tasks


def _outside(metadata: Path, found: Scan, built: Built) -> Mapping[str, tuple[Fields, Fields]]:
    from muze.data.tables import read_table

    table = read_table(metadata, found.folder, [file.path for file in found.files])
    built.note(table.notes)
    return table.rows


def _check_elsewhere(output: Path, found: Scan, under: str) -> None:
    """Check that no track of a dataset lies outside the folder that takes its place."""
    if not output.exists() or last_report(output).get("folders") == [under]:
        return
    here, inside = {_joined(under, file.path) for file in found.files}, found.folder.resolve()
    others = [
        path
        for path in (str(record["audio_path"]) for record in iterate_dataset(output, ()))
        if path not in here
        and (audio := output.parent / path).is_file()
        and not audio.resolve().is_relative_to(inside)
    ]
    if others:
        raise DatasetError(
            f"{output}: has {len(others)} tracks that are not under {found.folder}, the first is "
            f"{others[0]}; `muze dataset add` keeps them, --force leaves them out"
        )


def _folders(output: Path, under: str) -> list[str] | None:
    """Return the folders that a dataset has tracks of once one is added; None if not known."""
    if not output.exists():
        return [under]
    before = last_report(output).get("folders")
    return [*dict.fromkeys([*before, under])] if isinstance(before, list) else None


def _relative(music: Path, folder: Path) -> str:
    """Return the path that leads from a folder to the music, links on the way or not."""
    path = os.path.relpath(music.absolute(), folder.absolute())
    there = os.path.normpath(folder.resolve() / path)  # ".." leads out of what a link names
    if not os.path.exists(there) or not os.path.samefile(there, music):
        path = os.path.relpath(music.resolve(), folder.resolve())
    return Path(path).as_posix()


def _joined(under: str, path: str) -> str:
    return (PurePosixPath(under) / path).as_posix()
