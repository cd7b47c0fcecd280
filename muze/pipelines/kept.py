"""The records a dataset has when tracks are added: which stay, and where their sound is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from muze.data.store import iterate_dataset
from muze.pipelines.spool import Spool


@dataclass(frozen=True)
class Kept:
    """A record that a dataset has: its sound's path and hash, and its place in a spool."""

    audio_path: str
    sha256: str | None
    """None where the record tells none, as one that was not built here."""
    place: int


def keep(output: Path, spool: Spool) -> list[Kept]:
    """Return the records that a dataset has, and put them into a spool; none where it is not yet.

    Raises:
        DatasetError: it is no dataset.
    """
    if not output.exists():
        return []
    return [
        Kept(record["audio_path"], record.get("audio_sha256"), spool.put(record))
        for record in iterate_dataset(output)
    ]


def follow_moved(
    kept: Sequence[Kept], now: Mapping[str, str], folder: Path, spool: Spool
) -> tuple[list[Kept], list[str]]:
    """Return the records that stay, those of sounds that were moved with the new path; and notes.

    ``now`` has the hashes of the files that were found, by path from the dataset's ``folder``. A
    record whose sound is not where it says takes the path at which the same sound was found; where
    another record has that sound, it is left out.
    """
    owner = owners(kept, now, folder)
    found: dict[str, str] = {}
    for path, digest in now.items():
        found.setdefault(digest, path)
    stay, notes = [], []
    for record in kept:
        digest, old = record.sha256 or "", record.audio_path
        if _lies(record, now, folder) or not (digest in owner or digest in found):
            stay.append(record)
        elif digest in owner:
            notes.append(f"{old} is gone and {owner[digest]} is the same sound; one record stays")
        else:
            new = owner[digest] = found[digest]
            moved = {**spool.record(record.place), "audio_path": new}
            stay.append(Kept(new, digest, spool.put(moved)))
            notes.append(f"{old} is {new} now; its record is kept")
    return stay, notes


def owners(kept: Sequence[Kept], now: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return where each sound of the records lies, by its hash."""
    return {k.sha256: k.audio_path for k in kept if k.sha256 and _lies(k, now, folder)}


def _lies(record: Kept, now: Mapping[str, str], folder: Path) -> bool:
    """Whether a record's sound is where it says."""
    unchanged = now.get(record.audio_path, record.sha256) == record.sha256
    return unchanged and (folder / record.audio_path).is_file()
