"""The trained planner decides what a song leaves open; what is said goes before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.theory import Key
from muze.pipelines.composition import Composition, shortest_loop, transposed
from muze.pipelines.deciders import LaidPart, Said, Templates
from muze.pipelines.plan_events import HEADER
from muze.pipelines.plan_grammar import Telling
from muze.pipelines.plan_sampling import MAX_SECTIONS, PlanModel, Teller, header_force
from muze.pipelines.templates import Part

MAX_TURNS = 24
"""Goes into which a long song is cut; one that is longer still has longer sections."""
LoopName = tuple[str, int]
"""Key and section type of a loop of chords."""


class Network:
    """Decides by a network; what its dataset never told, templates decide."""

    def __init__(
        self, model: PlanModel, said: Said, seed: int, temperature: float, top_p: float
    ) -> None:
        self.model, self.said, self.seed = model, said, seed
        self.usual = Templates(said, seed)
        self.parts: Sequence[LaidPart] = ()
        key = Key.parse(said.key) if said.key else None
        self.fields = model.events.header(
            Composition(
                said.genres[0] if said.genres else None,
                said.metre,
                said.bpm,
                key.mode if key else None,
                key.tonic if key else None,
            )
        )
        self.teller = Teller(model, said.prompt, self.fields, seed, temperature, top_p)

    def genre(self) -> str | None:
        """Return the genre it hears in the prompt."""
        told: str | None = self._told("genre")
        return told

    def metre(self) -> str:
        """Return the time signature."""
        told: str | None = self._told("metre")
        return told or self.usual.metre()

    def key(self) -> str:
        """Return the key."""
        if not self.model.decides("mode", "tonic"):
            return self.usual.key()
        return str(Key(self._told("tonic"), self._told("mode")))

    def bpm(self) -> float:
        """Return a whole number of beats a minute in the tempo's bin."""
        if not self.model.decides("tempo"):
            return self.usual.bpm()
        tempi = self.model.events.whole_tempi(self.header[HEADER.index("tempo")])
        return float(tempi[Random(f"{self.seed} tempo").randrange(len(tempi))])

    def form(self, num_bars: int, seconds: float) -> list[Part]:
        """Return sections that fill the bars: in one go, or in turns where the song is long."""
        if not self.model.decides("section", "bars"):
            return self.usual.form(num_bars, seconds)
        wanted = max(1, math.ceil(seconds / self.model.longest - 1e-6))
        scale = min(math.ceil(wanted / MAX_TURNS), num_bars)
        units = num_bars // scale
        count = min(wanted, MAX_TURNS, units)
        parts: list[Part] = []
        for turn, bars in enumerate(cut_into(units, count)):
            share = seconds * bars / units
            told = self._sections(bars, share, turn, first=turn == 0, last=turn == count - 1)
            parts += [Part(p.type, p.bars * scale, p.energy) for p in told]
        last, spare = parts[-1], num_bars - units * scale
        return [*parts[:-1], Part(last.type, last.bars + spare, last.energy)]

    def lay(self, parts: Sequence[LaidPart]) -> None:
        """Take up what the sections are."""
        self.parts = parts
        self.usual.lay(parts)

    def energy(self, index: int) -> float:
        """Return how intense a section is, beside those before it."""
        if not self.model.decides("energy"):
            return self.usual.energy(index)
        return self._filled[0][index]

    def chords(self, index: int) -> list[str]:
        """Return the loop of the section's type, in its key, as far as the section goes."""
        if not self.model.decides("chord"):
            return self.usual.chords(index)
        part = self.parts[index]
        loop = self._filled[1][part.key, self.model.events.of("section", part.type)]
        tonic = Key.parse(part.key).tonic
        names = [transposed(self.model.events.value("chord", event), tonic) for event in loop]
        return list(shortest_loop(names[: part.bars]))

    # -- what the network tells ----------------------------------------------------------------

    @cached_property
    def header(self) -> tuple[int, ...]:
        """Events of genre, metre, tempo, mode and tonic, said or drawn."""
        force = header_force(self.fields, self.model.events)
        told = self.teller.tell(
            Telling(self.model.events, None), self.said.seconds, force, _nothing
        )
        return tuple(event for _, (_, event) in zip(HEADER, told, strict=False))

    def _told(self, kind: str) -> Any:  # Any: a name, or the tonic's number
        return self.model.events.value(kind, self.header[HEADER.index(kind)])

    def _sections(
        self, num_bars: int, seconds: float, turn: int, *, first: bool, last: bool
    ) -> list[Part]:
        events, telling = self.model.events, Telling(self.model.events, num_bars)
        edges = np.zeros(events.count, bool)
        edges[events.of("section", "intro")] = not first
        edges[events.of("section", "outro")] = not last

        def barred(telling: Telling) -> NDArray[np.bool_] | None:
            return edges if telling.kind == "section" else None

        row: list[tuple[str, int]] = []
        force = header_force(self.header, events)
        for kind, event in self.teller.tell(telling, seconds, force, barred, turn):
            if kind == "section" and event == events.kinds["section"].end:
                break
            row.append((kind, event))
        told = [events.value(kind, event) for kind, event in row[len(HEADER) :]]
        return [Part(*told[at : at + 3]) for at in range(0, len(told), 3)]

    @cached_property
    def _filled(self) -> tuple[list[float], dict[LoopName, list[int]]]:
        """Energies of all sections, and the loops of their types in each key."""
        energies: list[float | None] = [part.energy for part in self.parts]
        loops = self._said_loops()
        for turn, group in enumerate(groups(self.parts, self.model.longest)):
            for key in dict.fromkeys(self.parts[index].key for index in group):
                self._fill(group, key, turn, energies, loops)
        return [0.5 if energy is None else energy for energy in energies], loops

    def _said_loops(self) -> dict[LoopName, list[int]]:
        """Return the loops that the song says, as far as events can."""
        events, loops = self.model.events, dict[LoopName, list[int]]()
        for part in self.parts:
            name = part.key, events.of("section", part.type)
            if part.chords and name not in loops:
                down = -Key.parse(part.key).tonic
                said = shortest_loop([transposed(symbol, down) for symbol in part.chords])
                said = said[: events.vocabulary.longest_loop]
                loops[name] = [events.of("chord", symbol) for symbol in said]
        return loops

    def _fill(
        self,
        group: range,
        key: str,
        turn: int,
        energies: list[float | None],
        loops: dict[LoopName, list[int]],
    ) -> None:
        """Tell a group of sections in one of its keys, and note what was open."""
        events, parts = self.model.events, [self.parts[index] for index in group]
        kinds, tonality = events.kinds, Key.parse(key)
        here = {events.of("section", p.type) for p in parts if p.key == key and p.chords is None}
        header = (
            *self.header[:3],
            events.of("mode", tonality.mode),
            events.of("tonic", tonality.tonic),
        )
        said_header = header_force(header, events)
        number = -1

        def force(telling: Telling) -> tuple[int, int | None] | None:
            nonlocal number
            if telling.kind == "section":
                number += 1
                if number == len(parts):
                    return kinds["section"].end, None
                return events.of("section", parts[number].type), None
            if telling.kind == "bars":
                bars = parts[number].bars
                return events.of("bars", bars), bars
            if telling.kind == "energy":
                energy = energies[group[number]]
                return None if energy is None else (events.of("energy", energy), None)
            if telling.kind == "chord":
                loop = loops.get((key, telling.about))
                if loop is None and telling.about in here:
                    return None
                loop = loop or [kinds["chord"].null]
                return (*loop, kinds["chord"].end)[telling.place], None
            return said_header(telling)

        telling = Telling(events, sum(part.bars for part in parts))
        seconds, drawn = sum(part.seconds for part in parts), dict[LoopName, list[int]]()
        about = telling.about
        for kind, event in self.teller.tell(telling, seconds, force, _nothing, turn):
            if kind == "energy" and energies[group[number]] is None:
                energies[group[number]] = events.value("energy", event)
            elif kind == "chord" and event not in (kinds["chord"].end, kinds["chord"].null):
                drawn.setdefault((key, about), []).append(event)
            about = telling.about
        loops.update({name: loop for name, loop in drawn.items() if name not in loops})


def _nothing(telling: Telling) -> None:  # noqa: ARG001
    return None


def cut_into(num_bars: int, count: int) -> Iterator[int]:
    """Yield ``count`` lengths that sum to ``num_bars``, multiples of four where they can be."""
    step = 4 if num_bars >= 8 * count else 1
    edges = [step * round(at * num_bars / count / step) for at in range(count)] + [num_bars]
    for low, high in pairwise(edges):
        yield high - low


def groups(parts: Sequence[LaidPart], longest: float) -> Iterator[range]:
    """Yield the sections, as indices, in groups no longer than ``longest`` seconds if they can."""
    first, seconds = 0, 0.0
    for index, part in enumerate(parts):
        full = seconds + part.seconds > longest * 1.5 or index - first == MAX_SECTIONS
        if index > first and full:
            yield range(first, index)
            first, seconds = index, 0.0
        seconds += part.seconds
    yield range(first, len(parts))
