"""A folder of music becomes a dataset: scanned, heard track by track, written whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from muze.audio.io import write_whole
from muze.core.errors import DatasetError
from muze.core.files import sha256
from muze.data.store import Record, known_suffix, read_dataset, write_dataset
from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Fields, Outcome, Task, Unheard
from muze.pipelines.listening import BuildSettings, cache_folder, memory_file, open_listener
from muze.pipelines.scan import Found, Refused, Scan, scan
from muze.report import Report


@dataclass
class Built:
    """What came of a build."""

    tracks: list[Record] = field(default_factory=list)
    heard: int = 0
    """Tracks in which something new was heard."""
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    heard_seconds: float = 0.0
    """Of sound in those tracks."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of work in this build, by what was listened to."""

    @property
    def broken(self) -> list[Refused]:
        """The files that should have been tracks."""
        return [item for item in self.refused if item.broken]

    @property
    def seconds_per_second(self) -> float | None:
        """Seconds of work for a second of sound; None where nothing was newly heard."""
        return sum(self.seconds.values()) / self.heard_seconds if self.heard_seconds else None

    def to_json(self) -> Fields:
        """Return the report, without the records."""
        return {
            "tracks": len(self.tracks),
            "heard": self.heard,
            "seconds_per_second": self.seconds_per_second,
            "broken": [{"path": r.path, "reason": r.reason} for r in self.broken],
            "left_out": [{"path": r.path, "reason": r.reason} for r in self.refused
                         if not r.broken],
            "notes": self.notes,
            "seconds": {k: round(v, 2) for k, v in sorted(self.seconds.items())},
        }  # fmt: skip


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
    ``output`` has stay as they are, but those of files that have changed.

    Raises:
        DatasetError: there is no such folder, nothing in it can be heard, the metadata makes no
            sense, ``output`` is no name of a dataset, or it was changed by somebody else since it
            was built.
    """
    known_suffix(output)
    kept = _kept(output) if add else ()
    ours = _is_ours(output) or (force and not add)
    if not add and not ours:
        raise DatasetError(
            f"{output}: is not as a build left it; what was changed would be lost. --force "
            "overwrites it; corrections are kept in a table given with --metadata"
        )
    listener = open_listener(settings, recalls=True)
    found = scan(folder)
    if not found.files:
        raise DatasetError(f"{folder}: holds no sound files")
    files = found.files[:max_tracks]
    under = _relative(folder, output.parent)
    built = Built(refused=[replace(r, path=_joined(under, r.path)) for r in found.refused])
    tasks = list(_tasks(found, files, output, under, kept, metadata, built, report))
    same = {record["audio_path"]: record.get("audio_sha256") for record in kept}
    # a record that tells no hash was not built here, and is not known to have changed
    tasks = [t for t in tasks if same.get(t.audio_path, "") not in (None, t.sha256)]
    records: dict[str, Record] = {}
    for outcome in _outcomes(tasks, listener, settings, report):
        _count(outcome, built)
        if outcome.record is not None:
            records[outcome.audio_path] = outcome.record
    built.refused.sort(key=lambda refused: refused.path)
    built.tracks = [r for r in kept if r["audio_path"] not in records]
    built.tracks += [records[task.audio_path] for task in tasks if task.audio_path in records]
    if not built.tracks:
        first = built.broken[0]
        raise DatasetError(f"{folder}: nothing could be heard; {first.path}: {first.reason}")
    _write(output, built, ours)
    return built


def _kept(output: Path) -> tuple[Record, ...]:
    return read_dataset(output).tracks if output.exists() else ()


def _outcomes(
    tasks: list[Task], listener: Listener, settings: BuildSettings, report: Report
) -> Iterator[Outcome]:
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
        for outcome in _annotate(unheard, settings):
            yield outcome
            advance()


def _annotate(tasks: list[Task], settings: BuildSettings) -> Iterator[Outcome]:
    if settings.engine == "ray":
        from muze.pipelines.ray_engine import annotate_on_ray

        return annotate_on_ray(tasks, settings)
    from muze.pipelines.local_engine import annotate_locally

    return annotate_locally(tasks, settings)


def _count(outcome: Outcome, built: Built) -> None:
    if outcome.record is None:
        built.refused.append(Refused(outcome.audio_path, outcome.reason))
    built.notes += [note for note in outcome.notes if note not in built.notes]
    if outcome.record is not None and outcome.seconds:
        built.heard += 1
        built.heard_seconds += outcome.record["duration"]
    for name, seconds in outcome.seconds.items():
        built.seconds[name] = built.seconds.get(name, 0.0) + seconds


def _tasks(
    found: Scan,
    files: Iterable[Found],
    output: Path,
    under: str,
    kept: Iterable[Record],
    metadata: Path | None,
    built: Built,
    report: Report,
) -> Iterator[Task]:
    """Yield a task for each sound that is there once; the same file again is left out.

    ``under`` leads from the output to the folder; a sound that a record of ``kept`` has is its.
    """
    cache = cache_folder(output)
    told = {} if metadata is None else _outside(metadata, found, built)
    hashed = [
        (file, _joined(under, file.path), digest)
        for file, digest in _hashed(found, files, cache, under, built, report)
    ]
    now = {audio_path: digest for _, audio_path, digest in hashed}
    first = {
        digest: path
        for path, digest in ((r["audio_path"], r.get("audio_sha256")) for r in kept)
        if digest and now.get(path, digest) == digest and (output.parent / path).is_file()
    }
    for file, audio_path, digest in hashed:
        if first.setdefault(digest, audio_path) != audio_path:
            same = f"is the same file as {first[digest]}"
            built.refused.append(Refused(audio_path, same, broken=False))
            continue
        fields, provenance = told.get(file.path, ({}, {}))
        memory = memory_file(cache, digest)
        yield Task(found.folder / file.path, audio_path, digest, fields, provenance, memory)


def _hashed(
    found: Scan, files: Iterable[Found], cache: Path, under: str, built: Built, report: Report
) -> list[tuple[Found, str]]:
    """Return the files with the SHA-256 of each, worked out once as long as none is changed."""
    index = cache / "files.json"
    try:
        known: dict[str, list[Any]] = json.loads(index.read_text(encoding="utf-8"))
        known = known if isinstance(known, dict) else {}
    except (OSError, ValueError):  # none yet, or damaged: worked out again
        known = {}
    hashed, fresh = [], {}
    files = list(files)
    advance = report.task("reading files", len(files))
    for file in files:
        advance()
        audio = found.folder / file.path
        key = str(audio.resolve())
        entry = known.get(key)
        if entry is None or entry[:2] != [file.size, file.changed_ns]:
            try:
                entry = [file.size, file.changed_ns, sha256(audio)]
            except OSError as fault:
                path = _joined(under, file.path)
                built.refused.append(Refused(path, f"cannot be read ({fault.strerror})"))
                continue
        fresh[key] = entry
        hashed.append((file, str(entry[2])))
    if any(known.get(key) != entry for key, entry in fresh.items()):
        index.parent.mkdir(parents=True, exist_ok=True)
        write_whole(index, json.dumps({**known, **fresh}).encode())
    return hashed


def _outside(metadata: Path, found: Scan, built: Built) -> Mapping[str, tuple[Fields, Fields]]:
    from muze.data.tables import read_table

    table = read_table(metadata, found.folder, [file.path for file in found.files])
    built.notes += table.notes
    return table.rows


def _relative(music: Path, folder: Path) -> str:
    """Return the path that leads from a folder to the music, links on the way or not."""
    path = os.path.relpath(music.absolute(), folder.absolute())
    there = os.path.normpath(folder.resolve() / path)  # ".." leads out of what a link names
    if not os.path.exists(there) or not os.path.samefile(there, music):
        path = os.path.relpath(music.resolve(), folder.resolve())
    return Path(path).as_posix()


def _joined(under: str, path: str) -> str:
    return (PurePosixPath(under) / path).as_posix()


def _report_path(output: Path) -> Path:
    return output.with_suffix(".report.json")


def _last(output: Path) -> Fields:
    """Return the report of the build before; an empty one where there is none."""
    try:
        told = json.loads(_report_path(output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_ours(output: Path) -> bool:
    """Return whether a build would overwrite nothing that somebody corrected by hand."""
    if not output.exists():
        return True
    told = _last(output)
    return sha256(output) in (told.get("sha256"), told.get("sha256_before"))


def _write(output: Path, built: Built, ours: bool) -> None:
    """Write the records and the report; where all records are a build's, that tells their hash.

    Killed between the two, ``output`` is as the build before left it, whose hash is told as well.
    Records that are as they were are not written again.
    """
    before = _last(output) if output.exists() else {}
    if ours and before.get("tracks", 0) > len(built.tracks):
        built.notes.append(f"{output}: had {before['tracks']} tracks, has {len(built.tracks)} now")
    records = hashlib.sha256(json.dumps(built.tracks).encode()).hexdigest()
    hashes = {"sha256": before.get("sha256"), "sha256_before": None, "records": records}
    fresh = None
    if not ours or before.get("records") != records or sha256(output) != before.get("sha256"):
        fresh = output.with_name(f".{output.stem}.built{output.suffix}")
        write_dataset(fresh, built.tracks)
        hashes["sha256"] = sha256(fresh) if ours else None
        hashes["sha256_before"] = sha256(output) if ours and output.exists() else None
    told = built.to_json()
    if not built.heard:  # what was measured still holds
        told["seconds_per_second"] = before.get("seconds_per_second")
    write_whole(_report_path(output), json.dumps({**hashes, **told}, indent=2).encode())
    if fresh is not None:
        fresh.replace(output)
