"""How strongly a song is held to what it is told."""

from __future__ import annotations

from collections.abc import Sequence

from muze.core.errors import PluginError, did_you_mean
from muze.manifest.song import LYRICS_STREAMS
from muze.pipelines.asked import Asked

CLOCK_STREAMS = ("beat", "section", "position")
"""Streams drawn from the time grid alone where the song gives them no values."""
DECIDED_STREAMS = (*CLOCK_STREAMS, "tempo", "key", "text", "energy", "chord", "loudness")
"""Streams that are told something in every song, unless the model never met what is decided."""


def guidance_of(said: Asked, genres: Sequence[str]) -> dict[str, float]:
    """Return the weight of ``all`` and of each stream guided by itself; faults are noted.

    A stream's own default counts where the song asks something of it.
    """
    song, model, faults = said.song, said.model, said.faults
    known = model.streams
    asked = sorted({name for plans in (said.whole, *said.parts) for name in plans})
    own = {name: said.registry.get("stream", name).guidance for name in asked}
    weights = {**{n: w for n, w in own.items() if w}, **model.guidance}
    weights |= song.guidance
    if song.negative_prompt is not None and weights["all"] <= 1:
        faults.add(
            ("negative_prompt",),
            f"leads away from nothing where guidance.all is {weights['all']:g}; raise that "
            "above 1, or leave this out",
        )
    for name, weight in song.guidance.items():
        if name != "all" and known is not None and name not in known:
            hint = did_you_mean(name, known) or f"; it knows {', '.join(known)}"
            faults.add(("guidance", name), f"model {model.name} knows no stream {name!r}{hint}")
        elif name != "all":
            try:
                said.registry.get("stream", name)
            except PluginError as fault:
                faults.add(("guidance", name), str(fault))
            if weight != 0 and not _is_told(said, name, genres):
                told = f"this song says nothing of {name}; say it under streams, or leave this out"
                faults.add(("guidance", name), told)
    return weights


def _is_told(said: Asked, name: str, genres: Sequence[str]) -> bool:
    """Whether a stream is told something, by the song or by the planner, or would be."""
    if any(name in plans for plans in (said.whole, *said.parts)):
        return True
    if any(name in keys for keys, _ in said.faults.found):  # said, and faulty
        return True
    if name in LYRICS_STREAMS and said.faults.under(("voice", "lyrics"), ("voice", "language")):
        return True
    return bool(genres) if name == "genre" else name in DECIDED_STREAMS
