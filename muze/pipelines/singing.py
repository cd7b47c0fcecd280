"""Plans the singer: whose voice, on which notes, and what of the words does not fit them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from muze.core.errors import NotInstalledError, PluginError
from muze.core.grid import Metre
from muze.core.protocols import about
from muze.core.registry import Registry
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.song import Effects, Voice, sings
from muze.pipelines.cleaning import cleaned, cleaning_separator
from muze.pipelines.decide import Planner
from muze.pipelines.layout import Layout
from muze.pipelines.melody_told import ToldMelody, melody_told
from muze.pipelines.sung_lines import LineWriter, delivery_of
from muze.voice.plan import (
    EffectsPlan,
    VibratoPlan,
    VoicePlan,
)
from muze.voice.singer import look_for_singer
from muze.voice.world import check_installed

USUAL_VIBRATO = VibratoPlan(rate=5.5, depth=25.0)
NEEDS_SINGER = ("melody", "transpose", "level", "effects")
"""Keys of a voice that only a singer takes."""


def plan_voice(
    song: Song, planner: Planner, layout: Layout | None, registry: Registry, faults: Faults
) -> VoicePlan | None:
    """Return who sings and every note of it; None where nobody does, and with faults noted."""
    voice = song.voice
    if voice is None:
        return None
    if not sings(voice):
        for key in NEEDS_SINGER:
            if key in voice.model_fields_set:
                wanted = "is the singer's; name one as voice.backend, or leave it out"
                faults.add(("voice", key), wanted)
        return None
    singer = look_for_singer(voice, song.source.folder, registry, faults.add)
    vibrato, breaths = _vibrato(voice, registry, faults), _breaths(voice, layout, registry, faults)
    effects = _effects(voice, faults)
    separator = cleaning_separator(voice, singer, registry, faults)
    try:
        check_installed()
    except NotInstalledError as fault:
        faults.add(("voice", "backend"), str(fault))
    if voice.lyrics is None:
        faults.add(("voice", "lyrics"), "is required: the singer has no words")
        return None
    told: ToldMelody | None = None
    if layout is not None:
        told = melody_told(song, planner, layout, faults)
    if singer is None or layout is None or faults.under(("voice", "lyrics")):
        return None
    singer = cleaned(singer, separator, registry)
    lines = LineWriter(song, planner, layout, singer, told, faults).lines()
    if not lines or effects is False or faults.under(("voice",)):
        return None
    return VoicePlan(
        backend=singer.backend.name,
        voice=singer.voice,
        language=singer.language,
        about=about(singer.backend),
        delivery=delivery_of(voice),
        melody="composed" if told is None else told.about,
        vibrato=vibrato or USUAL_VIBRATO,
        breaths=breaths,
        level=voice.level,
        effects=effects or None,
        lines=tuple(lines),
        consent=None if singer.consent is None else singer.consent.id,
        separator=separator,
    )


def _vibrato(voice: Voice, registry: Registry, faults: Faults) -> VibratoPlan | None:
    told = _values("vibrato", voice.vibrato, registry, faults)
    if told is None:
        return None
    said = told.model_dump(exclude_unset=True)
    return VibratoPlan(rate=told.rate, depth=told.depth, extent=said.get("extent"))


def _breaths(voice: Voice, layout: Layout | None, registry: Registry, faults: Faults) -> Any:
    told = _values("breath", voice.breath, registry, faults)
    if told is None:
        return "auto"
    if told.bars_per_phrase is not None:
        faults.add(("voice", "breath"), "bars_per_phrase is not the singer's: phrases are lines")
    if told.positions == "auto" or layout is None:
        return "auto"
    for second in told.positions:
        if wrong := layout.grid(Metre()).misfit(second):
            faults.add(("voice", "breath"), f"a breath at {second:g} s {wrong}")
    return tuple(told.positions)


def _values(name: str, said: Any, registry: Registry, faults: Faults) -> Any:  # Any: its Values
    """Return what is said of the singer, as the stream of that name reads it; None with faults."""
    keys: Keys = ("voice", name)
    if said is None or faults.under(keys):
        return None
    if isinstance(said, dict) and "from" in said:
        faults.add(keys, f"the singer takes values, not a recording; say them, as {_SHOWN[name]}")
        return None
    try:
        stream = registry.get("stream", name)
    except PluginError as fault:
        faults.add(keys, str(fault))
        return None
    bare = "" if isinstance(said, dict) else stream.primary
    data = {bare: said} if bare else said
    try:
        return stream.Values.model_validate(data)
    except ValidationError as fault:
        faults.add_invalid(fault, stream.Values, data, keys, bare)
        return None


_SHOWN = {"vibrato": "{rate: 5.5, depth: 30}", "breath": "auto or [3.5, 7.2]"}


def _effects(voice: Voice, faults: Faults) -> Any:  # EffectsPlan, None for none, False with faults
    if not isinstance(voice.effects, Effects):
        return None
    from importlib.util import find_spec

    if find_spec("pedalboard") is None:
        told = 'needs pedalboard: pip install "muze[effects]"; or say effects: none'
        faults.add(("voice", "effects"), told)
        return False
    return EffectsPlan(**voice.effects.model_dump())
