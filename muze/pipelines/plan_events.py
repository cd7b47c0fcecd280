"""A plan as a row of events, each one of a fixed vocabulary, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze.core.genres import GENRES
from muze.core.grid import SECTION_TYPES
from muze.core.settings import Settings
from muze.core.theory import MODES, NO_CHORD, QUALITIES, ROOTS
from muze.pipelines.composition import Composition, PlannedSection

HEADER = ("genre", "metre", "tempo", "mode", "tonic")
"""What is told first, once."""
KINDS = (*HEADER, "section", "bars", "energy", "chord")
CLOSED = ("section", "chord")
"""Kinds that come in rows, which an event of their own ends."""


class Vocabulary(Settings):
    """What can be told; it goes with the weights, so that lists may grow."""

    genres: tuple[str, ...] = GENRES
    metres: tuple[str, ...] = ("4/4", "3/4", "6/8", "2/4", "5/4", "7/8", "9/8", "12/8")
    slowest: float = Field(40.0, gt=0, description="Least BPM of the first tempo bin.")
    tempo_ratio: float = Field(1.04, gt=1, description="How much faster each bin is.")
    num_tempi: int = Field(47, ge=1, description="Tempo bins; 47 reach 253 BPM.")
    modes: tuple[str, ...] = tuple(MODES)
    sections: tuple[str, ...] = SECTION_TYPES
    longest_section: int = Field(64, ge=1, description="Bars; what is longer counts as this.")
    num_energies: int = Field(21, ge=2, description="Levels from 0 to 1.")
    qualities: tuple[str, ...] = tuple(QUALITIES)
    longest_loop: int = Field(16, ge=1, description="Chords that go round.")


@dataclass(frozen=True)
class Kind:
    """Where the events of one kind stand: its values, then "not known", then its end."""

    first: int
    values: tuple[Any, ...]  # Any: names, or numbers
    closed: bool

    @property
    def null(self) -> int:
        """The event of what is not known."""
        return self.first + len(self.values)

    @property
    def end(self) -> int:
        """The event that ends a row of this kind."""
        assert self.closed
        return self.null + 1


@dataclass(frozen=True)
class Events:
    """The numbers of the events of a vocabulary."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Each kind's place, by name."""
        v = self.vocabulary
        values: dict[str, tuple[Any, ...]] = {
            "genre": v.genres,
            "metre": v.metres,
            "tempo": tuple(v.slowest * v.tempo_ratio ** (at + 0.5) for at in range(v.num_tempi)),
            "mode": v.modes,
            "tonic": tuple(range(12)),
            "section": v.sections,
            "bars": tuple(range(1, v.longest_section + 1)),
            "energy": tuple(round(at / (v.num_energies - 1), 3) for at in range(v.num_energies)),
            "chord": (*(f"{root}{q}" for root in ROOTS for q in v.qualities), NO_CHORD),
        }
        out, first = {}, 0
        for name in KINDS:
            out[name] = Kind(first, values[name], name in CLOSED)
            first = out[name].null + 1 + out[name].closed
        return out

    @cached_property
    def start(self) -> int:
        """The event before the first."""
        return self.kinds[KINDS[-1]].end + 1

    @property
    def count(self) -> int:
        """How many events there are."""
        return self.start + 1

    @cached_property
    def _numbers(self) -> dict[tuple[str, Any], int]:
        return {
            (name, value): kind.first + at
            for name, kind in self.kinds.items()
            for at, value in enumerate(kind.values)
        }

    def of(self, kind: str, value: Any) -> int:  # Any: a name, or a number
        """Return the event of a value; of the nearest where it is a number.

        What is None, or no name of the vocabulary, is the event of what is not known.
        """
        place, v = self.kinds[kind], self.vocabulary
        if value is None:
            return place.null
        if kind == "tempo":
            at = math.floor(math.log(value / v.slowest) / math.log(v.tempo_ratio) + 1e-9)
        elif kind == "energy":
            at = round(value * (v.num_energies - 1))
        elif kind == "bars":
            at = value - 1
        else:
            return self._numbers.get((kind, value), place.null)
        return place.first + min(max(at, 0), len(place.values) - 1)

    def value(self, kind: str, event: int) -> Any:  # Any: a name, or a number
        """Return what an event says; None for "not known"."""
        place = self.kinds[kind]
        return None if event == place.null else place.values[event - place.first]

    def whole_tempi(self, event: int) -> range:
        """Return the whole numbers of beats a minute in a tempo bin."""
        v, at = self.vocabulary, event - self.kinds["tempo"].first
        low, high = (v.slowest * v.tempo_ratio ** (at + edge) for edge in (0, 1))
        return range(math.ceil(low - 1e-9), math.ceil(high - 1e-9))

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        """Return which events are values of a kind, shape (V,)."""
        place, mask = self.kinds[kind], np.zeros(self.count, bool)
        mask[place.first : place.null] = True
        return mask

    def header(self, song: Composition) -> tuple[int, ...]:
        """Return the events of what a song says once."""
        told = (song.genre, song.time_signature, song.tempo, song.mode, song.tonic)
        return tuple(self.of(kind, value) for kind, value in zip(HEADER, told, strict=True))


def events_of(song: Composition, events: Events) -> list[int]:
    """Return a song as events: its header, its sections, the loop of each type of section."""
    section, chord = events.kinds["section"], events.kinds["chord"]
    row = [*events.header(song)]
    for part in song.sections:
        row += [events.of("section", part.type), events.of("bars", part.bars)]
        row.append(events.of("energy", part.energy))
    row.append(section.end)
    for name in dict.fromkeys(part.type for part in song.sections):
        loop = song.loops.get(name, ())[: events.vocabulary.longest_loop]
        row += [events.of("chord", symbol) for symbol in loop] or [chord.null]
        row.append(chord.end)
    return row


def song_of(row: list[int], events: Events) -> Composition:
    """Return the song that a row of events tells, its tempo in the middle of its bin."""
    section, chord = events.kinds["section"], events.kinds["chord"]
    genre, metre, tempo, mode, tonic = (
        events.value(kind, event) for kind, event in zip(HEADER, row, strict=False)
    )
    at, sections = len(HEADER), []
    while row[at] != section.end:
        values = zip(("section", "bars", "energy"), row[at : at + 3], strict=True)
        sections.append(PlannedSection(*(events.value(kind, event) for kind, event in values)))
        at += 3
    at += 1
    loops: dict[str | None, tuple[str, ...]] = {}
    for name in dict.fromkeys(part.type for part in sections):
        end = row.index(chord.end, at)
        if row[at] != chord.null:
            loops[name] = tuple(events.value("chord", event) for event in row[at:end])
        at = end + 1
    return Composition(genre, metre, tempo, mode, tonic, tuple(sections), loops)
