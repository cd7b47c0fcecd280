"""The plan of a song: everything decided, nothing computed; kept beside the render."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

import muze
from muze.core.errors import ManifestError, MuzeError
from muze.core.grid import Metre, SectionSpan, TempoMark, TimeGrid
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults, Song, parse_song
from muze.pipelines.decide import Planner
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.resolve import ComponentPlan, Origin, StreamPlan, file_hash

FADE = 0.05
"""Seconds of fade at the end, so that a bar cut at the exact length does not click."""


class SectionPlan(Settings):
    """One section: when it is and what happens in it."""

    type: str
    first_bar: int = Field(description="Counted from 1.")
    bars: int
    start: float
    end: float
    bpm: float = Field(description="Tempo of its first bar.")
    key: str
    prompt: str | None = None
    chords: tuple[str, ...] = Field((), description="What sounds in each bar, for display.")
    streams: dict[str, StreamPlan] = Field(
        default_factory=dict, description="What it says over the song's own streams."
    )


class OutputPlan(Settings):
    """The file to be written."""

    path: str = Field(description="Absolute path.")
    format: str = Field(description="wav, flac, ogg or mp3.")
    loudness: float = Field(description="Integrated loudness, LUFS.")
    stems: bool = False
    fade: float = FADE


class Plan(Settings):
    """A song decided in full: the same plan makes the same file."""

    format: Literal[1] = 1
    muze: str = Field(description="Version of muze that made it.")
    plugins: dict[str, str] = Field(description="Distribution and version of each plugin used.")
    manifest: str | None = Field(description="SHA-256 of the manifest it came from.")
    song: Song
    model: str
    prompt: str
    negative_prompt: str | None
    seed: int
    duration: float
    num_bars: int
    tempo: tuple[TempoMark, ...]
    time_signature: str
    key: str
    sections: tuple[SectionPlan, ...]
    streams: dict[str, StreamPlan]
    guidance: dict[str, float]
    sampler: ComponentPlan
    num_steps: int
    vocoder: ComponentPlan | None = Field(description="None takes the model's own.")
    output: OutputPlan
    origins: dict[str, Origin] = Field(
        description="What of tempo, key, ... was asked and what decided."
    )

    @cached_property
    def grid(self) -> TimeGrid:
        """The song's clock, on which streams are drawn."""
        spans = tuple(SectionSpan(s.type, s.start, s.end) for s in self.sections)
        return TimeGrid.of_song(self.duration, self.tempo, Metre.parse(self.time_signature), spans)

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
            ManifestError: the text is no plan; ``name`` tells which.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ManifestError(
                f"{name}: is no plan of this muze: {where}: {first['msg']}"
            ) from fault


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
) -> Plan:
    """Return the plan of a manifest, or of options alone; options win over the file.

    Unlike ``read_song`` and then ``plan_song``, tells the faults of both at once. ``find_model``
    returns what the song's model knows.

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
    return _plan(song, registry, model, faults)


def _plan(song: Song, registry: Registry, model: ModelInfo | None, faults: Faults) -> Plan:
    planner = Planner(song, registry, model, faults)
    output = _plan_output(song, faults)
    sampler, vocoder = planner.sampler(), planner.vocoder()
    guidance = planner.guidance()
    laid = planner.lay_out()
    faults.raise_any()
    assert laid is not None
    assert sampler is not None  # or there were faults
    sections = tuple(
        SectionPlan(
            type=span.type,
            first_bar=span.first_bar + 1,
            bars=span.bars,
            start=span.start,
            end=span.end,
            bpm=laid.bpm[span.first_bar],
            key=planner.section_key(index),
            prompt=song.sections[index].prompt if song.sections else None,
            chords=tuple(planner.chords(index)),
            streams=planner.section_streams(index),
        )
        for index, span in enumerate(laid.sections)
    )
    streams = planner.song_streams(output.loudness)
    used = sorted({*streams, *(name for section in sections for name in section.streams)})
    components = [sampler.name, *([vocoder.name] if vocoder else [])]
    path = Path(song.source.name)
    return Plan(
        muze=muze.__version__,
        plugins={name: registry.version(name) for name in [*used, *components]},
        manifest=file_hash(path) if song.source.node is not None else None,
        song=song,
        model=song.model if model is None else model.name,
        prompt=song.prompt,
        negative_prompt=song.negative_prompt,
        seed=planner.seed,
        duration=laid.duration,
        num_bars=len(laid.bpm),
        tempo=_marks(laid.bpm, planner.metre),
        time_signature=str(planner.metre),
        key=planner.key,
        sections=sections,
        streams=streams,
        guidance=guidance,
        sampler=sampler,
        num_steps=song.sampler.steps or planner.model.num_steps,
        vocoder=vocoder,
        output=output,
        origins=planner.origins,
    )


def _marks(bpm: tuple[float, ...], metre: Metre) -> tuple[TempoMark, ...]:
    """Return the tempo map of bars, one mark at each bar where the tempo changes."""
    return tuple(
        TempoMark(float(bar * metre.beats_per_bar), value)
        for bar, value in enumerate(bpm)
        if bar == 0 or value != bpm[bar - 1]
    )


def _plan_output(song: Song, faults: Faults) -> OutputPlan:
    keys = ("output", "path")
    source, here = song.source, Path.cwd().resolve()
    if song.output.path is None:
        # beside nothing: in the folder where muze was started
        path = here / f"{Path(source.name).stem if source.node is not None else 'song'}.wav"
    elif keys in source.options:
        path = (here / song.output.path).resolve()
    else:
        path = (source.folder / song.output.path).resolve()
        if not path.is_relative_to(here):
            faults.add(keys, f"{path} leaves the folder {here}; to write there, give --output")
    try:
        check_output(path)
    except MuzeError as fault:
        faults.add(keys, str(fault))
    loudness = -14.0 if song.output.loudness is None else song.output.loudness
    return OutputPlan(
        path=str(path), format=path.suffix.lower().lstrip("."), loudness=loudness,
        stems=song.output.stems,
    )  # fmt: skip


def check_output(path: Path) -> None:
    """Raise ``ManifestError`` or ``AudioError`` unless a sound file can be written there."""
    from muze.audio.io import known_format

    known_format(path)
    if path.is_dir():
        raise ManifestError(f"{path}: is a folder")
    if not path.parent.is_dir():
        raise ManifestError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ManifestError(f"{path}: the folder {path.parent} is not writable")
