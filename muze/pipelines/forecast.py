"""What a build of a folder would do, and about how long it would take."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from muze.audio.tags import told_length
from muze.core.errors import DatasetError
from muze.pipelines.annotation import Fields
from muze.pipelines.listening import cache_folder, memory_file
from muze.pipelines.scan import Refused, nothing_in, scan
from muze.report import Report

SECONDS_PER_SECOND = 0.3
"""Seconds of one process to hear a second of music with every stream; docs/dataset.md measures."""


@dataclass(frozen=True)
class Forecast:
    """What a folder holds and what a build would do."""

    formats: dict[str, int]
    """Files by suffix."""
    seconds: float
    """Of sound in all files whose header tells it."""
    new_files: int
    new_seconds: float
    """Files, and seconds of sound, that no earlier build heard."""
    untold: tuple[str, ...]
    """Files whose header tells no length; they may be broken."""
    refused: tuple[Refused, ...]
    minutes: float
    """That a build would take, with as many processes as were asked about."""
    measured: bool
    """Whether ``minutes`` goes by an earlier build here, or by muze's own benchmark."""

    def to_json(self) -> Fields:
        """Return it as JSON."""
        told: Fields = {"untold": list(self.untold)}
        told["refused"] = [{"path": r.path, "reason": r.reason} for r in self.refused]
        return {**self.__dict__, **told}


def forecast(folder: Path, output: Path | None, workers: int, report: Report) -> Forecast:
    """Return what a build would do; nothing is decoded and nothing is written.

    Raises:
        DatasetError: there is no such folder, or there is nothing in it.
    """
    found = scan(folder)
    if not found.files and not found.refused:
        raise DatasetError(nothing_in(folder))
    known = {} if output is None else _known(output)
    seconds, new_files, new_seconds, untold = 0.0, 0, 0.0, []
    advance = report.task("reading headers", len(found.files))
    for file in found.files:
        advance()
        length = told_length(folder / file.path)
        if length is None:
            untold.append(file.path)
        seconds += length or 0.0
        if known.get(str((folder / file.path).resolve())) != (file.size, file.changed_ns):
            new_files += 1
            new_seconds += length or 0.0
    measured = None if output is None else _measured(output)
    speed = SECONDS_PER_SECOND if measured is None else measured
    return Forecast(
        dict(Counter(Path(file.path).suffix.lower() for file in found.files).most_common()),
        round(seconds, 1),
        new_files,
        round(new_seconds, 1),
        tuple(untold),
        found.refused,
        round(speed * new_seconds / workers / 60, 2),
        measured is not None,
    )


def _known(output: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of the files in which something was heard."""
    cache = cache_folder(output)
    try:
        told = json.loads((cache / "files.json").read_text(encoding="utf-8"))
        return {
            path: (size, changed_ns)
            for path, (size, changed_ns, digest) in told.items()
            if memory_file(cache, digest).exists()
        }
    except (OSError, ValueError, AttributeError, IndexError, TypeError):
        return {}


def _measured(output: Path) -> float | None:
    """Return seconds of a process for a second of music, as the last build measured them."""
    try:
        told = json.loads(output.with_suffix(".report.json").read_text(encoding="utf-8"))
        return float(told["seconds_per_second"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
