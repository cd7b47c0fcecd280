"""Two datasets become one; a recording that is in both, or twice in one, is kept once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from muze.core.errors import DatasetError
from muze.core.files import sha256
from muze.data.convert import Rebase
from muze.data.store import Record, iterate_dataset, known_suffix, write_dataset
from muze.report import Report

Keep = Literal["last", "first"]


@dataclass(frozen=True)
class Place:
    """A track of a dataset, by its number from 0."""

    dataset: Path
    track: int
    audio_path: str

    def __str__(self) -> str:
        """Return it as a message names it."""
        return f"{self.dataset}: track {self.track} ({self.audio_path})"

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON."""
        return {**self.__dict__, "dataset": str(self.dataset)}


@dataclass(frozen=True)
class Dropped:
    """A track that was left out, the one that is kept instead, and what they have in common."""

    place: Place
    kept: Place
    same: Literal["path", "content"]

    def __str__(self) -> str:
        """Return it as one line."""
        same = "audio_path" if self.same == "path" else "sound"
        return f"{self.place}: has the {same} of {self.kept}"

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON."""
        return {**self.place.to_json(), "same": self.same, "kept": self.kept.to_json()}


@dataclass(frozen=True)
class Merged:
    """How many tracks came of it, and which were left out."""

    tracks: int
    dropped: tuple[Dropped, ...]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON."""
        return {"tracks": self.tracks, "dropped": [item.to_json() for item in self.dropped]}


def merge(a: Path, b: Path, out: Path, report: Report, keep: Keep = "last") -> Merged:
    """Write the tracks of ``a`` and then of ``b`` to ``out``, and return what was left out.

    The same recording is one with the same audio_path, or the same bytes: as ``audio_sha256``
    tells, or the file itself where it is there. Of two the later is kept, unless ``keep`` is
    ``first``. Paths lead from ``out`` to where they led before. ``out`` may be one of the two: it
    is as it was until the whole takes its place.

    Raises:
        DatasetError: one of the datasets is none, both are the same file, or ``out`` ends in
            neither .json nor .parquet.
        OSError: it cannot be written.
    """
    known_suffix(out)
    if a.resolve() == b.resolve():
        raise DatasetError(f"{b}: is given twice; merge it with another dataset")
    sources = [(path, Rebase(path, out)) for path in (a, b)]
    told = list(_told(sources, out, report))
    dropped = _duplicates(told, keep)
    left_out = {(item.place.dataset, item.place.track) for item in dropped}

    def records() -> Iterator[Record]:
        for path, rebase in sources:
            for track, record in enumerate(iterate_dataset(path)):
                if (path, track) not in left_out:
                    yield rebase(record)

    write_dataset(out, records())
    for path, other in ((a, b), (b, a)):
        if path.resolve() == out.resolve():
            report.note(f"{out}: is replaced by itself and {other} together")
    for path, rebase in sources:
        if rebase.absolute:
            report.note(f"{out}: paths are absolute; no root is common to it and {path}")
    return Merged(len(told) - len(dropped), tuple(dropped))


def _told(
    sources: Sequence[tuple[Path, Rebase]], out: Path, report: Report
) -> Iterator[tuple[Place, str, str | None]]:
    """Yield each track, where its sound lies, and the SHA-256 of that; None if it is not there."""
    for path, rebase in sources:
        found = list(iterate_dataset(path, ("audio_sha256",)))
        advance = report.task(f"reading {path.name}", len(found))
        for track, record in enumerate(found):
            audio = Path(os.path.abspath(out.parent / rebase(record)["audio_path"]))
            digest = record.get("audio_sha256")
            if digest is None and audio.is_file():
                try:
                    digest = sha256(audio)
                except OSError as fault:
                    report.note(f"{audio}: cannot be read, so not compared ({fault.strerror})")
            advance()
            yield Place(path, track, str(record["audio_path"])), str(audio), digest


def _duplicates(told: Sequence[tuple[Place, str, str | None]], keep: Keep) -> list[Dropped]:
    by_path: dict[str, Place] = {}
    by_content: dict[str, Place] = {}
    dropped = []
    for place, audio, digest in told if keep == "first" else reversed(told):
        if audio in by_path:
            dropped.append(Dropped(place, by_path[audio], "path"))
        elif digest is not None and digest in by_content:
            dropped.append(Dropped(place, by_content[digest], "content"))
        else:
            by_path[audio] = place
            if digest is not None:
                by_content[digest] = place
    return dropped if keep == "first" else dropped[::-1]
