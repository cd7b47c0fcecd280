"""The melody that a song tells for its voice: notes, a score, or what somebody hummed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from muze.analysis.melody import overlong
from muze.analysis.scores import MIDI_SUFFIXES, SUFFIXES, melody_of, read_score
from muze.core.errors import MuzeError
from muze.core.grid import TimeGrid
from muze.core.notes import Note, one_voice, parse_notes
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.pipelines.decide import Planner
from muze.pipelines.layout import Layout
from muze.pipelines.resolve import StreamPlan
from muze.voice.heard_notes import hum_notes

STREAMS = ("f0", "melody", "midi")
"""Streams that tell a melody, the first that does so first; ``melody`` knows no octaves."""


@dataclass(frozen=True)
class ToldMelody:
    """Notes in beats of the song, and where they are from."""

    notes: tuple[Note, ...]
    about: str
    whole: bool
    """Whether it is all that is sung; else lines that it has no notes for are composed."""
    octaves_free: bool = False

    def octaves(self, lowest: int, highest: int) -> int:
        """Return by how many semitones it goes into a range, in octaves; 0 where it tells them."""
        if not self.octaves_free or not highest:
            return 0
        middle = median(note.pitch for note in self.notes)
        return 12 * round(((lowest + highest) / 2 - middle) / 12)


def melody_told(song: Song, planner: Planner, layout: Layout, faults: Faults) -> ToldMelody | None:
    """Return the melody that a song tells; None where it tells none, and with faults noted."""
    assert song.voice is not None
    grid, said = layout.grid(planner.metre), song.voice.melody
    if not isinstance(said, dict):
        return _of_streams(planner, layout, grid) if said == "from-plan" else None
    (key, told), folder = next(iter(said.items())), song.source.folder
    keys: Keys = ("voice", "melody", key)
    try:
        if key == "notes":
            notes, about = _parsed(told), "told"
        else:
            notes, about = _of_file(folder / told, key, grid), f"from {told}"
        if wrong := overlong(max(note.end for note in notes), grid):
            faults.add(keys, wrong)
            return None
    except (MuzeError, ValueError) as fault:
        faults.add(keys, str(fault))
        return None
    return ToldMelody(notes, about, whole=True)


def _of_file(path: Path, key: str, grid: TimeGrid) -> tuple[Note, ...]:
    score = path.suffix.lower() in SUFFIXES
    if key == "midi":
        if path.suffix.lower() not in MIDI_SUFFIXES:
            raise ValueError(f"{path.name} is no MIDI file; those end in .mid")
    elif not score:
        return hum_notes(path, grid)
    return melody_of(read_score(path, grid.metre), path)


def _parsed(text: str) -> tuple[Note, ...]:
    notes = one_voice(parse_notes(text).notes)
    if not notes:
        raise ValueError("holds rests only")
    return notes


def _of_streams(planner: Planner, layout: Layout, grid: TimeGrid) -> ToldMelody | None:
    """Return the melody of the first stream that tells one, sections over the song."""
    for name in STREAMS:
        found: list[Note] = []
        if name in planner.asked:
            found = list(_of_stream(name, planner.asked[name], grid, 0.0))
        for part, plans in zip(layout.sections, planner.asked_in, strict=False):
            if name in plans:
                first, last = (float(b) for b in grid.to_beats([part.start, part.end]))
                window = grid.between(part.start, part.end)
                own = _of_stream(name, plans[name], window, first)
                found = [n for n in found if not first <= n.start < last] + list(own)
        if found:
            found.sort(key=lambda note: note.start)
            free = name == "melody"
            return ToldMelody(tuple(found), f"stream {name}", whole=False, octaves_free=free)
    return None


def _of_stream(name: str, plan: StreamPlan, grid: TimeGrid, first: float) -> Sequence[Note]:
    """Return a stream's melody from a beat of the song on; none where it tells none.

    Faults of what it says are told where the stream is read.
    """
    read: dict[str, Callable[[Any], Any]] = {
        "f0": lambda v: v.get("melody"), "melody": lambda v: v.get("notes"), "midi": _sung_part,
    }  # fmt: skip
    try:
        if plan.recording is not None:
            path = Path(plan.recording.path)
            if path.suffix.lower() not in SUFFIXES:
                return hum_notes(path, grid) if name == "f0" else ()
            notes: Sequence[Note] = melody_of(read_score(path, grid.metre), path)
        elif (text := read[name](plan.values or {})) is None:
            return ()
        else:
            notes = _parsed(text)
    except (MuzeError, ValueError):
        return ()
    return [replace(note, start=note.start + first) for note in notes]


def _sung_part(values: dict[str, Any]) -> str | None:
    """Return the part of a piano roll that is a melody: the only one."""
    told = values.get("notes")
    if isinstance(told, dict):
        return next(iter(told.values())) if len(told) == 1 else None
    return told
