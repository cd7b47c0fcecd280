"""Drum patterns as they are written: one sign a step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from muze.analysis.drums import ACCENT, USUAL, Hits
from muze.core.grid import TimeGrid

STRENGTH = {"x": USUAL, "X": ACCENT}
REST = "."
APART = "| "
"""Signs that are no steps, and may stand anywhere."""


def check_steps(text: str) -> str:
    """Return the text; raise ``ValueError`` for what is no row of steps."""
    for sign in text:
        if sign not in STRENGTH and sign not in REST + APART:
            raise ValueError(
                f"{sign!r} in {text!r} is no step; write X for an accent, x for a hit, . for a "
                "rest, and | or a space wherever it reads better"
            )
    if not steps_of(text):
        raise ValueError(f"{text!r} has no steps; a beat of rests is written ....")
    return text


def steps_of(text: str) -> str:
    """Return the steps alone."""
    return "".join(sign for sign in text if sign not in APART)


def lay_steps(
    pattern: Iterable[tuple[str, str]], steps_per_beat: int, start: float, part: TimeGrid
) -> Hits:
    """Return the hits within ``part`` of drums and their steps, repeated from ``start`` s on."""
    start_beat = float(part.to_beats(start))
    edges = part.to_beats([part.start, part.start + part.duration])
    low, high = (edges - start_beat) * steps_per_beat
    # a millionth of slack, so that a hit on the very edge is not lost to rounding
    numbers = np.arange(max(0, math.ceil(low - 1e-6)), math.ceil(high - 1e-6))
    times = part.to_seconds(start_beat + numbers / steps_per_beat).tolist()
    hits: Hits = {}
    for drum, text in pattern:
        signs = steps_of(text)
        told = zip(numbers.tolist(), times, strict=True)
        beaten = [(time, signs[number % len(signs)]) for number, time in told]
        hits[drum] = [(time, STRENGTH[sign]) for time, sign in beaten if sign in STRENGTH]
    return hits
