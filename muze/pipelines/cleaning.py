"""Recordings of whoever is cloned, with the voice taken out of them first."""

from __future__ import annotations

from dataclasses import replace

from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.manifest import Faults
from muze.manifest.faults import Keys
from muze.manifest.song import Voice
from muze.pipelines.separate import choose_separator, vocals_of
from muze.voice.singer import Singer


def cleaning_separator(
    voice: Voice, singer: Singer | None, registry: Registry, faults: Faults
) -> str | None:
    """Return what takes the voice out of the recordings of whoever is cloned, if that is asked."""
    keys: Keys = ("voice", "separate_vocals")
    if not voice.separate_vocals or singer is None:
        return None
    if singer.consent is None:
        if voice.style_of is None:
            faults.add(keys, "goes with a recording, as style_of or clone; take it out")
        return None
    name = "auto" if voice.separate_vocals is True else voice.separate_vocals
    try:
        return choose_separator(registry, name)[0].name
    except MuzeError as fault:
        faults.add(keys, str(fault))
        return None


def cleaned(singer: Singer, separator: str | None, registry: Registry) -> Singer:
    """Return a singer whose recordings a separator goes through before they are cloned."""
    if separator is None:
        return singer
    splitter, _ = choose_separator(registry, separator)

    def clean(reference: Audio) -> Audio:
        with registry.blame(splitter.name, "take the voice out of a recording"):
            return vocals_of(reference, splitter)

    return replace(singer, clean=clean)
