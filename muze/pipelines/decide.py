"""Reads what a song says of each stream, and decides what it does not say."""

from __future__ import annotations

import re
import secrets
from typing import Any

import numpy as np

from muze.core.errors import MuzeError, PluginError, did_you_mean
from muze.core.grid import Metre
from muze.core.registry import Registry
from muze.core.theory import Key
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.song import SECTION_SHORT_FORMS, Section
from muze.pipelines.layout import Layout, lay_out
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.resolve import (
    ComponentPlan,
    Origin,
    StreamPlan,
    heard_fields,
    resolve_sampler,
    resolve_stream,
    resolve_vocoder,
)
from muze.pipelines.styles import (
    asked_bpm,
    asked_key,
    asked_metre,
    style_of,
    usual_bpm,
    usual_key,
    usual_progression,
)
from muze.pipelines.templates import TEMPLATES, typical_energy

CLOCK_STREAMS = ("beat", "section", "position")
"""Streams drawn from the time grid alone where the song gives them no values."""
MOOD_NOT_GENRE = {"musical", "film", "romantic", "swing", "experimental", "house band"}
"""Words of the genre vocabulary that in a prompt more often mean something else."""
LONGEST_GENRE = 3
"""Words in the longest name of a genre: lo-fi hip hop."""


class Planner:
    """The decisions of one song, each made once, in the order they build on one another."""

    def __init__(
        self, song: Song, registry: Registry, model: ModelInfo | None, faults: Faults
    ) -> None:
        self.song, self.registry, self.faults = song, registry, faults
        self.model = model or ModelInfo(name=song.model)
        self.seed = secrets.randbits(31) if song.seed is None else song.seed
        self.origins: dict[str, Origin] = {"seed": _origin(song.seed)}
        if song.voice is not None:
            faults.add(
                ("voice",), "singing is not in this version of muze; take voice out of the song"
            )
        self.asked = self._read_streams()
        self.asked_in = [self._read_section(i, s) for i, s in enumerate(song.sections)]
        genres = self._genres()
        self.style = style_of(song.prompt, genres)
        self.genres = genres
        self.metre = self._metre()
        self.key = self._key()
        self.tempo = self._tempo()
        self.layout: Layout | None = None

    # -- what the song says ----------------------------------------------------------------

    def _read_streams(self) -> dict[str, StreamPlan]:
        said: dict[str, tuple[Keys, Any]] = {
            name: (("streams", name), value) for name, value in self.song.streams.items()
        }
        for name in ("tempo", "key"):
            if (value := getattr(self.song, name)) is not None:
                said[name] = ((name,), _plain(value))
        return self._resolve(said)

    def _read_section(self, index: int, section: Section) -> dict[str, StreamPlan]:
        keys: Keys = ("structure", "sections", index)
        said: dict[str, tuple[Keys, Any]] = {
            name: ((*keys, "streams", name), value) for name, value in section.streams.items()
        }
        for name in SECTION_SHORT_FORMS:
            if (value := getattr(section, name)) is not None:
                said[name] = ((*keys, name), value)
        if section.prompt is not None:
            said["text"] = ((*keys, "prompt"), section.prompt)
        found = self._resolve(said)
        for name in found:
            layout = self.registry.get("stream", name).layout.values()
            if "vector" in layout and "tokens" not in layout:
                self.faults.add(said[name][0], f"{name} holds for the whole song; say it there")
        return found

    def _resolve(self, said: dict[str, tuple[Keys, Any]]) -> dict[str, StreamPlan]:
        found = {}
        folder = self.song.source.folder
        for name, (keys, value) in said.items():
            known = self.model.streams
            if known is not None and name not in known:
                hint = did_you_mean(name, known) or f"; it knows {', '.join(known)}"
                self.faults.add(keys, f"model {self.model.name} knows no stream {name!r}{hint}")
                continue
            plan = resolve_stream(name, value, keys, folder, self.registry, self.faults)
            if plan is not None:
                found[name] = plan
        return found

    def _has(self, name: str) -> bool:
        """Whether a stream is there to be told what the planner decided."""
        if self.model.streams is not None:
            return name in self.model.streams
        return name in self.registry.names() and self.registry.plugin(name).state == "ok"

    def _value(self, plan: StreamPlan, name: str, field: str) -> Any:
        """Return one value of a stream, as said or as heard in its recording."""
        if plan.values is not None:
            return plan.values.get("value")
        assert plan.recording is not None
        try:
            heard = heard_fields(name, plan.recording, self.registry)
        except MuzeError as fault:
            self.faults.add(("streams", name), str(fault))
            return None
        if field not in heard:
            self.faults.add(("streams", name), f"{plan.recording.path} lets no {field} be heard")
        return heard.get(field)

    # -- what it does not say --------------------------------------------------------------

    def _genres(self) -> list[str]:
        if "genre" in self.asked:
            names = (self.asked["genre"].values or {}).get("names") or []
            return [names] if isinstance(names, str) else list(names)
        if not self._has("genre"):
            return []
        values = self.registry.get("stream", "genre").Values
        words = re.findall(r"[\w&'-]+", self.song.prompt.lower())
        found: list[str] = []
        at = 0
        while at < len(words):
            for count in range(min(LONGEST_GENRE, len(words) - at), 0, -1):
                name = " ".join(words[at : at + count])
                known = None if name in MOOD_NOT_GENRE else _genre(values, name)
                if known is not None:
                    found += [known] if known not in found else []
                    at += count - 1
                    break
            at += 1
        return found

    def _metre(self) -> Metre:
        said = self.song.time_signature or asked_metre(self.song.prompt)
        self.origins["time_signature"] = _origin(said)
        try:
            return Metre.parse(said or self.style.time_signature)
        except ValueError as fault:
            self.faults.add(("prompt",), str(fault))
            return Metre()

    def _key(self) -> str:
        said = None
        if "key" in self.asked:
            said = self._value(self.asked["key"], "key", "key")
        said = said or asked_key(self.song.prompt)
        self.origins["key"] = _origin(said)
        return str(said or usual_key(self.style, self.song.prompt, self.seed))

    def _tempo(self) -> list[tuple[int, float]]:
        """Return the song's tempo map: (bar from 0, BPM), rising."""
        said = None
        if "tempo" in self.asked:
            said = self._value(self.asked["tempo"], "tempo", "tempo")
        in_prompt = asked_bpm(self.song.prompt)
        if said is None and in_prompt is not None and not 20 <= in_prompt <= 400:
            self.faults.add(("prompt",), f"{in_prompt:g} bpm is no tempo; it must be 20 to 400")
            in_prompt = None
        said = said if said is not None else in_prompt
        self.origins["tempo"] = _origin(said)
        if isinstance(said, list):
            return [(change["bar"] - 1, float(change["bpm"])) for change in said]
        return [(0, float(said or usual_bpm(self.style, self.song.prompt, self.seed)))]

    def _base_bpm(self, bar: int) -> float:
        return next(bpm for first, bpm in reversed(self.tempo) if first <= bar)

    def lay_out(self) -> Layout | None:
        """Lay the sections on their bars; None where the song's lengths do not go together."""
        song, faults = self.song, self.faults
        template = (song.structure.template if song.structure else None) or self.style.template
        if template not in TEMPLATES:
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
            ("streams", "tempo"), ("streams", "beat"), ("prompt",),
        ):  # fmt: skip
            return None
        self.origins["structure"] = _origin(song.structure)
        lengths = song.duration or song.bars or song.sections or None
        self.origins["duration"] = _origin(lengths)
        self.layout = lay_out(
            song, self.metre, self._base_bpm, bpm, template, self.seed, self.faults
        )
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
        value = self._value(plan, "tempo", "tempo")
        if isinstance(value, list) and len(value) == 1:
            return float(value[0]["bpm"])
        if isinstance(value, (int, float)):
            return float(value)
        self.faults.add(
            ("structure", "sections", index, "streams", "tempo"),
            "a section has one tempo; give the map as the song's own tempo",
        )
        return self._base_bpm(0)

    # -- section by section ----------------------------------------------------------------

    def section_key(self, index: int) -> str:
        """Return the key of a section, its own or the song's."""
        plan = self.asked_in[index].get("key") if self.asked_in else None
        return str((plan.values or {}).get("value") or self.key) if plan else self.key

    def section_streams(self, index: int) -> dict[str, StreamPlan]:
        """Return what a section says by itself; its energy and chords where nobody says them."""
        assert self.layout is not None
        span = self.layout.sections[index]
        streams = dict(self.asked_in[index]) if self.asked_in else {}
        streams.pop("tempo", None)  # the grid carries it
        if "energy" not in streams and "energy" not in self.asked and self._has("energy"):
            energy = (
                typical_energy(span.type, index, self.seed) if span.energy is None else span.energy
            )
            streams["energy"] = self._decided("energy", energy)
        if "chord" not in streams and "chord" not in self.asked and self._has("chord"):
            key = Key.parse(self.section_key(index))
            chords = usual_progression(key, self.style, span.type, self.seed)
            streams["chord"] = self._decided("chord", chords)
        return streams

    def chords(self, index: int) -> list[str]:
        """Return what sounds in each bar of a section, ``Am F`` where a bar has two chords."""
        assert self.layout is not None
        plan = self.section_streams(index).get("chord") or self.asked.get("chord")
        if plan is None or plan.values is None:
            return []
        progression = plan.values["progression"]
        bar = self.metre.beats_per_bar
        each = plan.values.get("beats_per_chord") or bar
        rows = []
        for number in range(self.layout.sections[index].bars):
            # the chords whose beats the bar touches; a progression starts anew in each section
            first = int(number * bar / each + 1e-6)
            last = int(np.ceil((number + 1) * bar / each - 1e-6))
            names = [str(progression[turn % len(progression)]) for turn in range(first, last)]
            rows.append(" ".join(dict.fromkeys(names)))
        return rows

    def song_streams(self, loudness: float) -> dict[str, StreamPlan]:
        """Return what holds for the whole song, asked and decided."""
        streams = dict(self.asked)
        tempo = self.origins["tempo"]
        if any("tempo" in plans for plans in self.asked_in):
            tempo = "asked"
        if self._has("tempo"):
            streams["tempo"] = StreamPlan(origin=tempo, values={})  # the grid carries it
        heard = "key" in streams and streams["key"].recording is not None
        if self._has("key") and not heard:
            streams["key"] = self._decided("key", self.key, self.origins["key"])
        if self._has("text") and "text" not in streams:
            streams["text"] = self._decided("text", self.song.prompt, "asked")
        if self.genres and "genre" not in streams:
            streams["genre"] = self._decided("genre", self.genres)
        said = self.song.output.loudness
        if self._has("loudness") and "loudness" not in streams:
            streams["loudness"] = self._decided("loudness", loudness, _origin(said))
        clock = {
            "beat": self.origins["time_signature"],
            "section": self.origins["structure"],
            "position": self.origins["duration"],
        }
        for name in CLOCK_STREAMS:
            if self._has(name) and name not in streams:
                streams[name] = StreamPlan(origin=clock[name], values={})
        return dict(sorted(streams.items()))

    def _decided(self, name: str, value: Any, origin: Origin = "decided") -> StreamPlan:
        """Return a stream's primary field filled by the planner."""
        stream = self.registry.get("stream", name)
        with self.registry.blame(name, "take what the planner decided"):
            values = stream.Values.model_validate({stream.primary: value})
        return StreamPlan(origin=origin, values=values.model_dump(mode="json", exclude_unset=True))

    # -- how it is made --------------------------------------------------------------------

    def sampler(self) -> ComponentPlan | None:
        """Return the sampler, the model's own where the song names none."""
        return resolve_sampler(self.song.sampler, self.model.sampler, self.registry, self.faults)

    def vocoder(self) -> ComponentPlan | None:
        """Return the vocoder; None takes the model's own."""
        if self.song.vocoder is not None:
            return resolve_vocoder(self.song.vocoder, self.registry, self.faults)
        return ComponentPlan(name=self.model.vocoder) if self.model.vocoder else None

    def guidance(self) -> dict[str, float]:
        """Return the weight of ``all`` and of each stream guided by itself."""
        known = self.model.streams
        for name in self.song.guidance:
            if name != "all" and known is not None and name not in known:
                hint = did_you_mean(name, known) or f"; it knows {', '.join(known)}"
                self.faults.add(
                    ("guidance", name), f"model {self.model.name} knows no stream {name!r}{hint}"
                )
            elif name != "all":
                try:
                    self.registry.get("stream", name)
                except PluginError as fault:
                    self.faults.add(("guidance", name), str(fault))
        return {**self.model.guidance, **self.song.guidance}


def _origin(said: object) -> Origin:
    return "decided" if said is None else "asked"


def _plain(value: Any) -> Any:
    """Return a value of the song as it would stand in the manifest."""
    if isinstance(value, list):
        return [item.model_dump() for item in value]
    return value


def _genre(values: Any, name: str) -> str | None:
    """Return the genre stream's spelling of a name; None where it does not know it."""
    try:
        known = values(names=[name]).names
    except ValueError:
        return None
    return str(known[0])
