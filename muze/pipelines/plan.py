"""The plan of a song: everything decided, nothing computed; kept beside the render."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

import muze
from muze.core.errors import ManifestError, MuzeError
from muze.core.files import sha256
from muze.core.grid import SECTION_TYPES, Metre, SectionSpan, TempoMark, TimeGrid
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults, Song, parse_song
from muze.manifest.faults import Source
from muze.manifest.song import LOUDEST, QUIETEST, KeyName, TimeSignature
from muze.pipelines.decide import Planner
from muze.pipelines.fit import check_fit
from muze.pipelines.guide import guidance_of
from muze.pipelines.layout import LONGEST
from muze.pipelines.made_by import made_by
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.output import plan_output
from muze.pipelines.planner_info import PART, PlannerPlan
from muze.pipelines.resolve import (
    ComponentPlan,
    Origin,
    StreamPlan,
    resolve_sampler,
    resolve_vocoder,
)
from muze.pipelines.singing import plan_voice
from muze.voice.plan import VoicePlan
from muze.voice.provenance import Provenance

FADE = 0.05
"""Seconds of fade at the end, so that a bar cut at the exact length does not click."""
SLOWEST, FASTEST = 1.0, 1000.0
"""Beats a minute no plan leaves; a manifest's bounds are narrower."""
EDGE = 1e-6
"""Seconds by which the edges of two sections may differ and be the same."""
SAMPLER, NUM_STEPS = "ddim", 50
"""Where the song names none."""
SHOWN_ORIGINS = ("duration", "key", "seed", "structure", "tempo", "time_signature")


class SectionPlan(Settings):
    """One section: when it is and what happens in it."""

    type: Literal[SECTION_TYPES]  # type: ignore[valid-type]
    first_bar: int = Field(ge=1, description="Counted from 1.")
    bars: int = Field(ge=1)
    start: float = Field(ge=0)
    end: float = Field(gt=0)
    bpm: float = Field(ge=SLOWEST, le=FASTEST, description="Tempo of its first bar.")
    key: KeyName
    prompt: str | None = None
    chords: tuple[str, ...] = Field((), description="What sounds in each bar, for display.")
    streams: dict[str, StreamPlan] = Field(
        default_factory=dict, description="What it says over the song's own streams."
    )


class OutputPlan(Settings):
    """The file to be written."""

    path: str = Field(min_length=1, description="Absolute path.")
    format: str = Field(description="wav, flac, ogg or mp3.")
    loudness: float = Field(ge=QUIETEST, le=LOUDEST, description="Integrated loudness, LUFS.")
    stems: bool = False
    fade: float = Field(FADE, ge=0, le=LONGEST, description="Seconds of fade at the end.")

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if "\0" in path:
            raise ValueError("holds a character that no file's name has")
        return path


class Plan(Settings):
    """A song decided in full: the same plan makes the same file."""

    format: Literal[1] = 1
    muze: str = Field(description="Version of muze that made it.")
    plugins: dict[str, str] = Field(description="Distribution and version of each plugin used.")
    feature_versions: dict[str, int] = Field(
        default_factory=dict, description="Version of the features of each stream told."
    )
    parts: dict[str, str] = Field(
        default_factory=dict,
        description="SHA-256 of the model's networks; nothing where it was planned without one.",
    )
    manifest: str | None = Field(description="SHA-256 of the manifest it came from.")
    song: Song
    model: str
    prompt: str
    negative_prompt: str | None
    seed: int = Field(ge=0, lt=2**63)
    duration: float = Field(ge=1, le=LONGEST)
    num_bars: int = Field(ge=1)
    tempo: tuple[TempoMark, ...] = Field(min_length=1)
    time_signature: TimeSignature
    key: KeyName
    sections: tuple[SectionPlan, ...] = Field(min_length=1)
    streams: dict[str, StreamPlan]
    guidance: dict[str, Annotated[float, Field(ge=0)]]
    sampler: ComponentPlan
    num_steps: int = Field(ge=1)
    vocoder: ComponentPlan | None = Field(description="None takes the model's own.")
    output: OutputPlan
    voice: VoicePlan | None = Field(None, description="Who sings what over the music.")
    provenance: Provenance | None = Field(
        None, description="How it is made, as its files tell it; None in plans of older versions."
    )
    planner: PlannerPlan = Field(PlannerPlan(), description="Who decided what was left open.")
    origins: dict[str, Origin] = Field(
        description="What of tempo, key, ... was asked and what decided."
    )

    @field_validator("tempo")
    @classmethod
    def _check_tempo(cls, marks: tuple[TempoMark, ...]) -> tuple[TempoMark, ...]:
        beats = [mark.beat for mark in marks]
        if beats[0] != 0 or any(not a < b for a, b in pairwise(beats)):
            raise ValueError("must have its first mark at beat 0, and later ones at later beats")
        if not all(SLOWEST <= mark.bpm <= FASTEST for mark in marks):
            raise ValueError(f"must be from {SLOWEST:g} to {FASTEST:g} beats a minute")
        return marks

    @field_validator("sections")
    @classmethod
    def _check_sections(
        cls, sections: tuple[SectionPlan, ...], info: ValidationInfo
    ) -> tuple[SectionPlan, ...]:
        end, bars = 0.0, 0
        for index, part in enumerate(sections):
            if abs(part.start - end) > EDGE or part.end <= part.start or part.first_bar != bars + 1:
                raise ValueError(
                    f"section {index} must start at {end:g} s with bar {bars + 1}, where the one "
                    "before it ends, and end later"
                )
            end, bars = part.end, bars + part.bars
        duration, num_bars = info.data.get("duration", end), info.data.get("num_bars", bars)
        if abs(end - duration) > EDGE or bars != num_bars:
            raise ValueError(
                f"take {end:g} s and {bars} bars, but the song has {duration:g} s and {num_bars}"
            )
        return sections

    @field_validator("guidance")
    @classmethod
    def _check_guidance(cls, weights: dict[str, float]) -> dict[str, float]:
        if "all" not in weights:
            raise ValueError("lacks the weight of all")
        return weights

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, origins: dict[str, Origin]) -> dict[str, Origin]:
        if missing := [name for name in SHOWN_ORIGINS if name not in origins]:
            raise ValueError(f"lacks {', '.join(missing)}")
        return origins

    @cached_property
    def grid(self) -> TimeGrid:
        """The song's clock, on which streams are drawn."""
        spans = tuple(SectionSpan(s.type, s.start, s.end) for s in self.sections)
        return TimeGrid.of_song(self.duration, self.tempo, Metre.parse(self.time_signature), spans)

    def origin_of(self, stream: str) -> Origin:
        """Whether a stream is asked for, by the song or by one of its sections."""
        places = (self.streams, *(part.streams for part in self.sections))
        told = [place[stream].origin for place in places if stream in place]
        return "asked" if "asked" in told else "decided"

    def to_json(self) -> str:
        """Return the plan as the text of a ``.plan.json`` file."""
        # the song as it was written, without the keys it does not say
        song = self.song.model_dump(mode="json", exclude_unset=True)
        data = self.model_dump(mode="json", exclude={"song"}) | {"song": song}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "plan") -> Plan:
        """Return the plan that ``to_json`` wrote.

        Raises:
            ManifestError: the text is no plan, or one line per fault, ``name: key: what is wrong``.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise ManifestError(f"{name}: is no plan: {fault}") from None
        if not isinstance(data, dict) or data.get("format") != 1:
            raise ManifestError(f'{name}: is no plan of this muze; those say "format": 1')
        try:
            return cls.model_validate_json(text, strict=True)
        except ValidationError as fault:
            faults = Faults(Source(name, Path.cwd()))
            faults.add_invalid(fault, cls, data)
            faults.raise_any()
            raise


def read_plan(path: Path) -> Plan:
    """Return a plan written beside a render.

    Raises:
        ManifestError: the file cannot be read or is no plan.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ManifestError(f"{path}: cannot be read ({fault})") from fault
    return Plan.from_json(text, str(path))


def plan_song(song: Song, registry: Registry, model: ModelInfo | None = None) -> Plan:
    """Return the plan of a song; its seed and its prompt's words decide what it does not say.

    ``model`` tells what the song's model knows; without it every installed stream is planned.

    Raises:
        ManifestError: one line per fault, with the manifest's file, line and key.
    """
    return _plan(song, registry, model, Faults(song.source))


def plan_file(
    path: Path | None,
    registry: Registry,
    options: Mapping[str, Any] | None = None,
    find_model: Callable[[Song, Registry], ModelInfo] | None = None,
    writes: bool = True,
    own_planner: bool = False,
) -> Plan:
    """Return the plan of a manifest, or of options alone; options win over the file.

    Unlike ``read_song`` and then ``plan_song``, tells the faults of both at once. ``find_model``
    returns what the song's model knows. Where nothing ``writes`` the song, it does not matter
    whether its file can be written there. With ``own_planner`` the model's planner, if it has one,
    decides where the song names none.

    Raises:
        ManifestError: one line per fault, with the manifest's file, line and key.
    """
    song, faults = parse_song(path, options)
    if song is None:
        faults.raise_any()
        raise AssertionError("a song without faults was not read")
    model = None
    if find_model is not None and not faults.under(("model",)):
        try:
            model = find_model(song, registry)
        except MuzeError as fault:
            faults.add(("model",), str(fault))
    return _plan(song, registry, model, faults, writes, own_planner)


def _plan(
    song: Song,
    registry: Registry,
    model: ModelInfo | None,
    faults: Faults,
    writes: bool = True,
    own_planner: bool = False,
) -> Plan:
    planner = Planner(song, registry, model, faults, own_planner)
    path = plan_output(song, faults, writes)
    sampler = resolve_sampler(song.sampler, SAMPLER, registry, faults)
    vocoder = resolve_vocoder(song.vocoder, planner.model, registry, faults)
    guidance = guidance_of(planner.said, planner.genres)
    laid, loudness = planner.lay_out(), planner.loudness()
    check_fit(planner.said, laid, planner.metre)
    voice = plan_voice(song, planner, laid, registry, faults)
    faults.raise_any()
    assert laid is not None
    assert sampler is not None
    assert path is not None  # or there were faults
    sections = tuple(
        SectionPlan(
            type=span.type,
            first_bar=span.first_bar + 1,
            bars=span.bars,
            start=span.start,
            end=span.end,
            bpm=laid.bpm[span.first_bar],
            key=planner.section_key(index),
            prompt=planner.section_prompt(index),
            chords=tuple(planner.chords(index)),
            streams=planner.section_streams(index),
        )
        for index, span in enumerate(laid.sections)
    )
    streams = planner.song_streams(loudness)
    used = sorted({*streams, *(name for section in sections for name in section.streams)})
    for name, weight in song.guidance.items():
        if name != "all" and weight != 0 and name not in used:
            told = f"model {planner.model.name} met no such {name} in training; leave this out"
            faults.add(("guidance", name), told)
    faults.raise_any()
    components = [sampler.name, *([vocoder.name] if vocoder else [])]
    components += [voice.backend] if voice else []
    # none of what only planned, and a vocoder's only where that is what is heard
    weights = {name: found for name, found in planner.model.parts.items() if name != PART}
    if vocoder is None or vocoder.name not in (planner.model.vocoders or {}):
        weights = {name: found for name, found in weights.items() if name != "vocoder"}
    return Plan(
        muze=muze.__version__,
        plugins={name: registry.version(name) for name in [*used, *components]},
        feature_versions={n: registry.get("stream", n).feature_version for n in used},
        parts=weights,
        manifest=None if song.source.node is None else sha256(Path(song.source.name)),
        song=song,
        model=song.model if model is None else model.name,
        prompt=planner.prompt,
        negative_prompt=song.negative_prompt,
        seed=planner.seed,
        duration=laid.duration,
        num_bars=len(laid.bpm),
        tempo=laid.tempo(planner.metre),
        time_signature=str(planner.metre),
        key=planner.key,
        sections=sections,
        streams=streams,
        guidance=guidance,
        sampler=sampler,
        num_steps=song.sampler.steps or NUM_STEPS,
        vocoder=vocoder,
        output=OutputPlan(
            path=str(path),
            format=path.suffix.lower().lstrip("."),
            loudness=loudness,
            stems=voice is not None,
        ),
        voice=voice,
        provenance=made_by(song.model if model is None else model.name, voice),
        planner=planner.planner,
        origins=planner.origins,
    )
