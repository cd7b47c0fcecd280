"""Reads what a song says of each stream, and decides what it does not say."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Any

import numpy as np

from muze.core.errors import MuzeError, did_you_mean
from muze.core.grid import Metre, TimeGrid
from muze.core.registry import Registry
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.song import LOUDEST, QUIETEST, sings
from muze.pipelines.asked import SAMPLE_SECONDS, Asked, prompt_of
from muze.pipelines.deciders import Decider, LaidPart, Said, Templates
from muze.pipelines.guide import CLOCK_STREAMS
from muze.pipelines.layout import DEFAULT_DURATION, Layout, lay_out
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.planner_info import choose_planner
from muze.pipelines.resolve import (
    Origin,
    StreamPlan,
    heard_fields,
    said_fields,
)
from muze.pipelines.styles import chords_by_bar
from muze.pipelines.templates import TEMPLATES, Part, fit_template
from muze.pipelines.words import asked_bpm, asked_key, asked_metre, named_genres

METRES = ("4/4", "3/4", "6/8", "2/4", "5/4")
"""Taken where the model never met the one that is usual, the likeliest first."""
DEFAULT_LOUDNESS = -14.0
LOUDNESS_SLACK = 0.05
"""LU by which two levels may differ and be the same: what is told is rounded to a tenth."""


class Planner:
    """The decisions of one song, each made once, in the order they build on one another."""

    def __init__(
        self,
        song: Song,
        registry: Registry,
        model: ModelInfo | None,
        faults: Faults,
        own_planner: bool = False,
    ) -> None:
        """Decide what a form is laid on; with ``own_planner`` the model's, where none is named."""
        self.song, self.registry, self.faults = song, registry, faults
        self.model = model or ModelInfo(name=song.model)
        self.seed = secrets.randbits(31) if song.seed is None else song.seed
        self.origins: dict[str, Origin] = {"seed": _origin(song.seed)}
        self.said = Asked(song, registry, self.model, faults)
        self.asked, self.asked_in = self.said.whole, self.said.parts
        self.prompt = prompt_of(self.asked) or song.prompt or ""
        self.genres = self._genres()
        metre, key, tempo = self._said_metre(), self._said_key(), self._said_tempo()
        bpm = tempo[0][1] if tempo else None
        self.given = Said(self.prompt, tuple(self.genres), metre, key, bpm, self._said_seconds())
        self.planner, self._planner_folder = choose_planner(
            song, self.model, registry, faults, own_planner
        )
        if not self.genres and "genre" not in self.asked:
            self.genres = self._decided_genres()
        self.metre = self._metre(metre)
        self.key = key or self.decider.key()
        self.keys = [self._key_in(index) for index in range(len(self.asked_in))]
        self.tempo = tempo or [(0, self.decider.bpm())]
        self.layout: Layout | None = None

    @cached_property
    def decider(self) -> Decider:
        """Whoever decides what is open; a network is read once something is."""
        folder, planner = self._planner_folder, self.planner
        if folder is None or self.faults.under(("prompt",), ("streams", "text")):
            return Templates(self.given, self.seed)
        from muze.pipelines.plan_sampling import load_planner
        from muze.pipelines.planned import Network

        assert planner.temperature is not None
        assert planner.top_p is not None
        network = load_planner(folder, self.registry)
        return Network(network, self.given, self.seed, planner.temperature, planner.top_p)

    @cached_property
    def _informed(self) -> Decider:
        """Whoever decides, told of all sections."""
        assert self.layout is not None
        self.decider.lay([self._laid(index) for index in range(len(self.layout.sections))])
        return self.decider

    # -- what it does not say --------------------------------------------------------------

    def _genres(self) -> list[str]:
        if "genre" in self.asked:
            names = (self.asked["genre"].values or {}).get("names") or []
            return [names] if isinstance(names, str) else list(names)
        if not self.said.knows("genre"):
            return []
        values = self.registry.get("stream", "genre").Values
        return self._met_genres(named_genres(self.prompt, lambda name: _genre(values, name)))

    def _met_genres(self, names: list[str]) -> list[str]:
        grid = TimeGrid.of_song(SAMPLE_SECONDS)
        return [name for name in names if self.said.met("genre", {"names": [name]}, grid)]

    def _decided_genres(self) -> list[str]:
        name = self.decider.genre() if self.said.knows("genre") else None
        return self._met_genres([name]) if name is not None else []

    def _said_seconds(self) -> float | None:
        """Return the length as far as it is known before the bars are; None where it is not."""
        song = self.song
        if song.duration is not None:
            return song.duration
        if song.sections:
            lengths = [section.seconds for section in song.sections]
            return None if None in lengths else sum(s for s in lengths if s is not None)
        return None if song.bars is not None else DEFAULT_DURATION

    def _said_metre(self) -> str | None:
        self.origins["time_signature"] = _origin(self.song.time_signature)
        return self.song.time_signature or asked_metre(self.prompt)

    def _metre(self, named: str | None) -> Metre:
        if named is not None and self._met_metre(named):
            return Metre.parse(named)
        usual = [self.decider.metre(), *METRES]
        met = [text for text in usual if self._met_metre(text)]
        if named is None:
            return Metre.parse((met or usual)[0])
        known = f"; say one that it met, as {met[0]}" if met else ""
        self.faults.add(
            ("time_signature",) if self.song.time_signature else self._prompt_keys(),
            f"model {self.model.name} met no {named} in training{known}",
        )
        return Metre.parse(named)

    def _met_metre(self, text: str) -> bool:
        grid = TimeGrid.of_song(SAMPLE_SECONDS, metre=Metre.parse(text))
        return not self.said.knows("beat") or self.said.met("beat", {}, grid)

    def _prompt_keys(self) -> Keys:
        """Where the prompt stands."""
        return ("streams", "text") if self.song.prompt is None else ("prompt",)

    def _said_key(self) -> str | None:
        said = None
        if "key" in self.asked:
            said = self.said.value(self.asked["key"], ("streams", "key"), "key")
        self.origins["key"] = _origin(said)
        found = said or asked_key(self.prompt)
        return None if found is None else str(found)

    def _key_in(self, index: int) -> str:
        plan = self.asked_in[index].get("key")
        keys: Keys = ("structure", "sections", index, "streams", "key")
        return str((plan and self.said.value(plan, keys, "key")) or self.key)

    def _said_tempo(self) -> list[tuple[int, float]] | None:
        """Return the song's tempo map: (bar from 0, BPM), rising; None where none is said."""
        said = None
        if "tempo" in self.asked:
            said = self.said.value(self.asked["tempo"], ("streams", "tempo"), "tempo")
        self.origins["tempo"] = _origin(said)
        if isinstance(said, list):
            return [(change["bar"] - 1, float(change["bpm"])) for change in said]
        in_prompt = asked_bpm(self.prompt)
        if said is None and in_prompt is not None and not 20 <= in_prompt <= 400:
            told = f"{in_prompt:g} bpm is no tempo; it must be 20 to 400"
            self.faults.add(self._prompt_keys(), told)
            in_prompt = None
        bpm = said or in_prompt
        return None if bpm is None else [(0, float(bpm))]

    def _base_bpm(self, bar: int) -> float:
        return next(bpm for first, bpm in reversed(self.tempo) if first <= bar)

    def lay_out(self) -> Layout | None:
        """Lay the sections on their bars; None where the song's lengths do not go together."""
        song, faults = self.song, self.faults
        template = song.structure.template if song.structure else None
        if template is not None and template not in TEMPLATES:
            hint = did_you_mean(template, TEMPLATES) or f"; there are {', '.join(TEMPLATES)}"
            faults.add(("structure", "template"), f"there is no template {template!r}{hint}")
        beats = self.asked.get("beat")
        if beats is not None and beats.values is None:
            faults.add(
                ("streams", "beat"),
                "bars cannot be laid on a recording's beats; take the tempo from it: "
                "tempo: {from: ...}",
            )
        elif beats is not None and (beats.values or {}).get("positions"):
            self._follow_beats((beats.values or {})["positions"])
        bpm = {
            index: self._section_bpm(index, plans["tempo"])
            for index, plans in enumerate(self.asked_in)
            if "tempo" in plans
        }
        # a length cannot be judged while something it is made of is faulty
        if faults.under(
            ("structure",), ("duration",), ("bars",), ("tempo",), ("time_signature",),
            ("streams", "tempo"), ("streams", "beat"), ("prompt",), ("streams", "text"),
        ):  # fmt: skip
            return None
        self.origins["structure"] = _origin(song.structure)
        lengths = song.duration or song.bars or song.sections or None
        self.origins["duration"] = _origin(lengths)

        def form(num_bars: int, seconds: float) -> list[Part]:
            if template is not None:
                return fit_template(template, num_bars, self.seed)
            return self.decider.form(num_bars, seconds)

        self.layout = lay_out(song, self.metre, self._base_bpm, bpm, form, self.faults)
        if self.layout is not None and self.tempo[-1][0] >= len(self.layout.bpm):
            keys: Keys = ("tempo",) if isinstance(song.tempo, list) else ("streams", "tempo")
            faults.add(
                (*keys, len(self.tempo) - 1) if keys == ("tempo",) else keys,
                f"changes at bar {self.tempo[-1][0] + 1}, "
                f"but the song has {len(self.layout.bpm)} bars",
            )
        return self.layout

    def _follow_beats(self, positions: list[float]) -> None:
        """Take the tempo of each bar from given beats."""
        keys: Keys = ("streams", "beat")
        if self.origins["tempo"] == "asked":
            self.faults.add(keys, "positions already say the tempo; leave one of them out")
        elif abs(positions[0]) > 0.01:
            self.faults.add(keys, "the first beat must be at 0 s: songs start on a bar line")
        else:
            each = self.metre.beats_per_bar
            lines = [*positions[::each]]
            if len(lines) < 2:
                self.faults.add(keys, f"give at least one bar of beats: {each + 1} positions")
                return
            lengths = np.diff(lines)
            self.tempo = [(bar, float(60.0 * each / s)) for bar, s in enumerate(lengths)]
            self.origins["tempo"] = "asked"

    def _section_bpm(self, index: int, plan: StreamPlan) -> float:
        keys: Keys = ("structure", "sections", index, "streams", "tempo")
        value = self.said.value(plan, keys, "tempo")
        if isinstance(value, list) and len(value) == 1:
            return float(value[0]["bpm"])
        if isinstance(value, (int, float)):
            return float(value)
        self.faults.add(keys, "a section has one tempo; give the map as the song's own tempo")
        return self._base_bpm(0)

    # -- section by section ----------------------------------------------------------------

    def section_key(self, index: int) -> str:
        """Return the key of a section, its own or the song's."""
        return self.keys[index] if self.keys else self.key

    def _laid(self, index: int) -> LaidPart:
        """Return a section as whoever decides the rest is told of it."""
        assert self.layout is not None
        span, streams = self.layout.sections[index], self.asked_in[index] if self.asked_in else {}
        told = streams.get("energy") or self.asked.get("energy")
        energy = span.energy if told is None else _level(told)
        plan = streams.get("chord") or self.asked.get("chord")
        chords = None if plan is None else tuple(self._chords(plan, span.bars))
        whole = chords if chords and not any(" " in name for name in chords) else ()
        return LaidPart(
            span.type,
            span.bars,
            span.end - span.start,
            self.section_key(index),
            energy,
            None if plan is None else whole,
        )

    def section_streams(self, index: int) -> dict[str, StreamPlan]:
        """Return what a section says by itself; its energy and chords where nobody says them."""
        assert self.layout is not None
        span = self.layout.sections[index]
        streams = dict(self.asked_in[index]) if self.asked_in else {}
        streams.pop("tempo", None)  # the grid carries it
        if "energy" not in streams and "energy" not in self.asked and self.said.knows("energy"):
            energy = self._informed.energy(index) if span.energy is None else span.energy
            self._tell(streams, "energy", energy)
        if "chord" not in streams and "chord" not in self.asked and self.said.knows("chord"):
            self._tell(streams, "chord", self._informed.chords(index))
        return streams

    def section_prompt(self, index: int) -> str | None:
        """Return what a section's own words say."""
        return prompt_of(self.asked_in[index]) if self.asked_in else None

    def chords(self, index: int) -> list[str]:
        """Return what sounds in each bar of a section, ``Am F`` where a bar has two chords."""
        assert self.layout is not None
        plan = self.section_streams(index).get("chord") or self.asked.get("chord")
        return [] if plan is None else self._chords(plan, self.layout.sections[index].bars)

    def _chords(self, plan: StreamPlan, num_bars: int) -> list[str]:
        if plan.values is None:
            return []
        each = plan.values.get("beats_per_chord")
        return chords_by_bar(plan.values["progression"], each, num_bars, self.metre.beats_per_bar)

    def loudness(self) -> float:
        """Return the file's level in LUFS: what ``output`` says, or what the stream asks for."""
        said, plan = self.song.output.loudness, self.asked.get("loudness")
        if plan is None or self.layout is None:
            return DEFAULT_LOUDNESS if said is None else said
        keys: Keys = ("streams", "loudness")
        try:
            asked = self._asked_loudness(plan, self.layout.duration)
        except MuzeError as fault:
            self.faults.add(keys, str(fault))
            return DEFAULT_LOUDNESS
        if said is None:
            if not QUIETEST <= asked <= LOUDEST:
                told = f"a file may have {QUIETEST:g} to {LOUDEST:g}"
                self.faults.add(keys, f"asks for {asked:g} LUFS; {told}")
            return asked
        if abs(said - asked) > LOUDNESS_SLACK:
            self.faults.add(
                ("output", "loudness"),
                f"says {said:g} LUFS, but streams.loudness asks for {asked:.1f}; "
                "leave one of them out, or make them agree",
            )
        return said

    def _asked_loudness(self, plan: StreamPlan, duration: float) -> float:
        if plan.recording is not None:
            fields = heard_fields("loudness", plan.recording, self.registry, duration)
            return float(fields["loudness"])
        assert plan.values is not None
        if plan.values.get("value") is not None:
            return float(plan.values["value"])
        return float(said_fields("loudness", plan.values, duration, self.registry)["loudness"])

    def song_streams(self, loudness: float) -> dict[str, StreamPlan]:
        """Return what holds for the whole song, asked and decided."""
        streams = dict(self.asked)
        tempo = self.origins["tempo"]
        if any("tempo" in plans for plans in self.asked_in):
            tempo = "asked"
        if self.said.knows("tempo"):
            streams["tempo"] = StreamPlan(origin=tempo, values={})  # the grid carries it
        heard = "key" in streams and streams["key"].recording is not None
        if self.said.knows("key") and not heard:
            self._tell(streams, "key", self.key, self.origins["key"])
        if self.genres and "genre" not in streams:
            self._tell(streams, "genre", self.genres)
        said = self.song.output.loudness
        if self.said.knows("loudness") and "loudness" not in streams:
            self._tell(streams, "loudness", loudness, _origin(said))
        clock = {
            "beat": self.origins["time_signature"],
            "section": self.origins["structure"],
            "position": self.origins["duration"],
        }
        for name in CLOCK_STREAMS:
            if self.said.knows(name) and name not in streams:
                streams[name] = StreamPlan(origin=clock[name], values={})
        if sings(self.song.voice) and "has_vocals" not in streams and self.said.knows("has_vocals"):
            self._tell(streams, "has_vocals", False)  # who sings is not in the music
        return dict(sorted(streams.items()))

    def _tell(
        self, streams: dict[str, StreamPlan], name: str, value: Any, origin: Origin = "decided"
    ) -> None:
        """Fill a stream's primary field, unless the model met no such thing in training."""
        stream = self.registry.get("stream", name)
        with self.registry.blame(name, "take what the planner decided"):
            found = stream.Values.model_validate({stream.primary: value})
        values = found.model_dump(mode="json", exclude_unset=True)
        if self.said.met(name, values, TimeGrid.of_song(SAMPLE_SECONDS)):
            streams[name] = StreamPlan(origin=origin, values=values)


def _origin(said: object) -> Origin:
    return "decided" if said is None else "asked"


def _level(told: StreamPlan) -> float | None:
    """Return how intense a section is on average; None where a recording tells it."""
    value = (told.values or {}).get("value")
    return None if value is None else float(np.mean(value))


def _genre(values: Any, name: str) -> str | None:
    """Return the genre stream's spelling of a name; None where it does not know it."""
    try:
        known = values(names=[name]).names
    except ValueError:
        return None
    return str(known[0])
