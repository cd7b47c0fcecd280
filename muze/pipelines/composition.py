"""What a plan says of a song, whatever its tonic; read from the record of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import DatasetError
from muze.core.genres import known_genre
from muze.core.theory import NO_CHORD, ROOTS, Chord, Key
from muze.data.store import Record
from muze.data.track import track_grid

MIXED = 0.02
"""Seconds of a chord in a bar that are rounding, not a chord."""


@dataclass(frozen=True)
class PlannedSection:
    """A section: its type, its length in bars and how intense it is; None is not known."""

    type: str | None
    bars: int | None
    energy: float | None = None


@dataclass(frozen=True)
class Composition:
    """Everything a plan says; None, and a missing loop, are not known."""

    genre: str | None = None
    time_signature: str | None = None
    tempo: float | None = None
    mode: str | None = None
    tonic: int | None = None
    sections: tuple[PlannedSection, ...] = ()
    loops: dict[str | None, tuple[str, ...]] = field(default_factory=dict)
    """By section type: chords of a bar each, in the key of C, that go round."""

    @property
    def num_bars(self) -> int | None:
        """Bars of all sections; None where one is not known."""
        bars = [part.bars for part in self.sections]
        return None if None in bars or not bars else sum(b for b in bars if b is not None)

    def part(self, first: int, last: int) -> Composition:
        """Return the song of its sections from ``first`` to before ``last``."""
        sections = self.sections[first:last]
        types = {part.type for part in sections}
        loops = {name: loop for name, loop in self.loops.items() if name in types}
        return replace(self, sections=sections, loops=loops)


def transposed(symbol: str, steps: int) -> str:
    """Return a chord ``steps`` semitones higher, without its bass; ``N`` stays."""
    chord = Chord.parse(symbol)
    return NO_CHORD if chord is None else f"{ROOTS[(chord.root + steps) % 12]}{chord.quality}"


def shortest_loop(chords: Sequence[str]) -> tuple[str, ...]:
    """Return the shortest run of chords that, going round, gives them all."""
    for length in range(1, len(chords)):
        if all(chord == chords[at % length] for at, chord in enumerate(chords)):
            return tuple(chords[:length])
    return tuple(chords)


def composition_of(record: Record) -> Composition:
    """Return what a track's record tells of a plan; a field that it lacks is None.

    Lengths are counted in the record's downbeats, or else in the bars of its tempo. A section
    begins on the bar line next to its start. Of a bar's chords the one that lasts longest counts,
    of the sections of a type the longest gives the loop.

    Raises:
        DatasetError: the record names no chord, key or genre where it should.
    """
    try:
        genre, key = _genre(record), _key(record)
        lines = _bar_lines(record)
        spans = [(s["type"], s["start"], s["end"]) for s in record.get("segments") or ()]
        if not spans:
            spans = [(None, 0.0, float(record["duration"]))]
        sections, longest = [], dict[str | None, list[str]]()
        for name, start, end in spans:
            inside = None if lines is None else _inside(lines, start, end)
            if inside is not None and len(inside) < 2:
                continue
            bars = None if inside is None else len(inside) - 1
            sections.append(PlannedSection(name, bars, _energy(record, start, end)))
            if inside is None or key is None or not record.get("chords"):
                continue
            chords = _by_bar(record["chords"], inside, -key.tonic)
            if len(chords) > len(longest.get(name, [])):
                longest[name] = chords
    except ValueError as fault:
        raise DatasetError(f"{record.get('audio_path', 'record')}: {fault}") from None
    return Composition(
        genre,
        record.get("time_signature"),
        record.get("tempo"),
        key.mode if key else None,
        key.tonic if key else None,
        tuple(sections),
        {name: shortest_loop(chords) for name, chords in longest.items()},
    )


def _genre(record: Record) -> str | None:
    told = record.get("genre")
    if not told:
        return None
    return known_genre(told if isinstance(told, str) else told[0])


def _key(record: Record) -> Key | None:
    if record.get("key"):
        return Key.parse(record["key"])
    index = record.get("key_index")
    return None if index is None else Key.of_index(index)


def _bar_lines(record: Record) -> NDArray[np.float64] | None:
    """Return the bar lines in seconds, the end of the last bar among them; None if not known."""
    told = record.get("downbeat_positions") or []
    if len(told) > 1:
        lines = np.asarray(told, float)
        return np.append(lines, 2 * lines[-1] - lines[-2])
    if not record.get("tempo"):
        return None
    grid = track_grid(record)
    lines = grid.bar_times
    if not len(lines):
        return None
    bar = grid.metre.beats_per_bar
    return np.append(lines, grid.to_seconds(grid.to_beats(lines[-1]) + bar))


def _inside(lines: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """Return the bar lines from the one next to ``start`` to the one next to ``end``."""
    first, last = (int(np.abs(lines - at).argmin()) for at in (start, end))
    return lines[first : last + 1]


def _energy(record: Record, start: float, end: float) -> float | None:
    for segment in record.get("segments") or ():
        if segment["start"] == start and segment.get("energy") is not None:
            return float(segment["energy"])
    curve = (record.get("energy_curve") or [])[int(start) : max(int(end), int(start) + 1)]
    return float(np.mean(curve)) if curve else None


def _by_bar(chords: Sequence[Any], lines: NDArray[np.float64], steps: int) -> list[str]:
    """Return the chord that lasts longest in each bar, transposed; ``N`` where none is told."""
    starts, ends = (np.asarray([c[edge] for c in chords]) for edge in ("start", "end"))
    names = []
    for low, high in pairwise(lines):
        lasts = np.minimum(ends, high) - np.maximum(starts, low)
        at = int(lasts.argmax())
        names.append(transposed(chords[at]["chord"], steps) if lasts[at] > MIXED else NO_CHORD)
    return names
