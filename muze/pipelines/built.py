"""What came of a build: its report, and the records it writes where they are not there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from muze.audio.io import write_whole
from muze.core.files import sha256
from muze.data.store import write_dataset
from muze.pipelines.annotation import Fields, Outcome
from muze.pipelines.scan import Refused
from muze.pipelines.spool import Spool


@dataclass
class Built:
    """What came of a build."""

    tracks: int = 0
    """Tracks that the dataset has now; 0 where it was not written, for want of any."""
    heard: int = 0
    """Tracks in which something new was heard."""
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    heard_seconds: float = 0.0
    """Of sound in those tracks."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of work in this build, by what was listened to."""
    _noted: set[str] = field(default_factory=set)

    @property
    def broken(self) -> list[Refused]:
        """The files that should have been tracks."""
        return [item for item in self.refused if item.broken]

    @property
    def seconds_per_second(self) -> float | None:
        """Seconds of work for a second of sound; None where nothing was newly heard."""
        return sum(self.seconds.values()) / self.heard_seconds if self.heard_seconds else None

    def note(self, notes: Iterable[str]) -> None:
        """Add what is not noted yet."""
        for text in notes:
            if text not in self._noted:
                self._noted.add(text)
                self.notes.append(text)

    def count(self, outcome: Outcome) -> None:
        """Count what came of one track."""
        self.note(outcome.notes)
        if outcome.record is None:
            self.refused.append(Refused(outcome.audio_path, outcome.reason))
        elif outcome.seconds:
            self.heard += 1
            self.heard_seconds += outcome.record["duration"]
        for name, seconds in outcome.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def to_json(self) -> Fields:
        """Return the report."""
        return {
            "tracks": self.tracks,
            "heard": self.heard,
            "seconds_per_second": self.seconds_per_second,
            "broken": [{"path": r.path, "reason": r.reason} for r in self.broken],
            "left_out": [{"path": r.path, "reason": r.reason} for r in self.refused
                         if not r.broken],
            "notes": self.notes,
            "seconds": {k: round(v, 2) for k, v in sorted(self.seconds.items())},
        }  # fmt: skip


def last_report(output: Path) -> Fields:
    """Return the report of the build before; an empty one where there is none."""
    try:
        told = json.loads(_report_path(output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def is_ours(output: Path) -> bool:
    """Return whether a build would overwrite nothing that somebody corrected by hand."""
    if not output.exists():
        return True
    told = last_report(output)
    return sha256(output) in (told.get("sha256"), told.get("sha256_before"))


def write_built(
    output: Path,
    built: Built,
    spool: Spool,
    places: Sequence[int],
    ours: bool,
    folders: Sequence[str] | None,
) -> None:
    """Write the records at ``places`` of a spool, and the report of the build.

    The report tells the dataset's hash where all records are a build's (``ours``). Killed between
    the two, ``output`` is as the build before left it, whose hash is told as well. Records that
    are as they were are not written again; where there are none, neither is ``output``.
    ``folders`` of music lead from the dataset; None where it has tracks of others.
    """
    before = last_report(output) if output.exists() else {}
    built.tracks = len(places)
    if ours and before.get("tracks", 0) > len(places) > 0:
        built.note([f"{output}: had {before['tracks']} tracks, has {len(places)} now"])
    hashes = {key: before.get(key) for key in ("sha256", "sha256_before", "records")}
    fresh = None
    if places:
        records = _hash(spool, places)
        if not ours or before.get("records") != records or sha256(output) != before.get("sha256"):
            fresh = output.with_name(f".{output.stem}.built{output.suffix}")
            write_dataset(fresh, map(spool.record, places))
            hashes["sha256"] = sha256(fresh) if ours else None
        earlier = sha256(output) if fresh and ours and output.exists() else None
        hashes |= {"sha256_before": earlier, "records": records}
    elif output.exists():
        built.note([f"{output}: is left as it was"])
        folders = before.get("folders")
    told = {"folders": folders, **built.to_json()}
    if not built.heard:  # what was measured still holds
        told["seconds_per_second"] = before.get("seconds_per_second")
    write_whole(_report_path(output), json.dumps({**hashes, **told}, indent=2).encode())
    if fresh is not None:
        fresh.replace(output)


def _hash(spool: Spool, places: Sequence[int]) -> str:
    """Return the SHA-256 of the JSON of all records."""
    digest = hashlib.sha256()
    for number, place in enumerate(places):
        digest.update((b", " if number else b"[") + spool.text(place))
    digest.update(b"]")
    return digest.hexdigest()


def _report_path(output: Path) -> Path:
    return output.with_suffix(".report.json")
