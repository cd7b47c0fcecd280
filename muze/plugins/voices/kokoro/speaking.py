"""Kokoro speaks: symbols to sound, and when each of them is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muze.core.grid import Audio
from muze.core.voices import PhoneSpan, Spoken, within
from muze.plugins.voices.kokoro.spelling import Spelling, Symbol
from muze.plugins.voices.kokoro.weights import FRAME, Floats, Kokoro

RATE = 24_000
EARLIER = 0.06
"""Seconds by which a sound is heard before its durations say: the median at 290 borders of s, ʃ, t,
p and k with vowels, five voices, as the spectrum shows them. Kokoro's own word times say 0.075."""
QUIET = 10 ** (-40 / 20)
"""Share of the peak below which the last sound before a pause is over."""


def speak(kokoro: Kokoro, spelling: Spelling, voice: str, speed: float) -> Spoken:
    """Return what is spelled, spoken, and the times of its sounds."""
    sounds: list[Floats] = []
    spans: list[PhoneSpan] = []
    start = 0.0
    for piece in spelling.pieces:
        samples, frames = kokoro.speak([symbol.text for symbol in piece], voice, speed)
        for phone, first, last in _times(piece, frames, samples):
            spans.append(PhoneSpan(str(spelling.phones[phone]), start + first, start + last))
        sounds.append(samples)
        start += len(samples) / RATE
    return Spoken(Audio(within(np.concatenate(sounds))[None], RATE), tuple(spans))


def _times(
    piece: Sequence[Symbol], frames: Floats, samples: Floats
) -> list[tuple[int, float, float]]:
    """Return each sound of a piece, and its start and end in seconds.

    A space is half the sound's before it and half the one's after it. Of what the last sound
    before a pause is given, the silence is taken off.
    """
    edges = np.concatenate([[0], np.cumsum(frames)]) * FRAME / RATE - EARLIER
    phones = [symbol.phone for symbol in piece]
    bounds: dict[int, tuple[float, float]] = {}
    for at, symbol in enumerate(piece):
        start, end = float(edges[at + 1]), float(edges[at + 2])  # the first is the silence before
        before = phones[at - 1] if at else None
        after = phones[at + 1] if at + 1 < len(phones) else None
        if symbol.phone is not None:
            opened = bounds.get(symbol.phone, (max(0.0, start), 0.0))[0]
            bounds[symbol.phone] = (opened, end)
            if after is None and (at + 1 == len(phones) or piece[at + 1].text != " "):
                bounds[symbol.phone] = (opened, _heard_until(samples, opened, end))
        elif symbol.text == " ":
            middle = (start + end) / 2
            if before is not None:
                bounds[before] = (bounds[before][0], middle)
            if after is not None:
                bounds[after] = (middle, middle)
    return [(phone, start, end) for phone, (start, end) in bounds.items()]


def _heard_until(samples: Floats, start: float, end: float) -> float:
    """Return when sound is over that begins and ends then, in seconds; a hundredth at least."""
    first = round(start * RATE)
    inside = samples[first : round(end * RATE)]
    loud = np.flatnonzero(np.abs(inside) > QUIET * np.abs(samples).max())
    heard = (loud[-1] + 1) / RATE if len(loud) else 0.0
    return start + max(0.01, float(heard))
