"""Breaths a singer takes: when, and how they sound."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

REST = 0.35
"""Seconds of rest before a phrase in which there is time to breathe."""
SECONDS = 0.32
CATCH = 0.04
"""Seconds between a breath's end and the phrase."""
QUIETER = 22.0
"""dB by which a breath is softer than the voice."""
BANDS = ((900.0, 2200.0, 1.0), (2500.0, 6000.0, 0.6))
"""Hz, and their share: the mouth is half open. Filters of first order leave it noise all over, by
which ``muze.analysis.breaths`` tells a breath."""


def breath_times(
    told: Literal["auto"] | Sequence[float], spans: Sequence[tuple[float, float]]
) -> list[float]:
    """Return when breaths begin, in seconds: as told, or in rests before phrases.

    ``spans`` are start and end of each phrase, in order. The first is breathed for too, where the
    song has begun by then.
    """
    if told != "auto":
        return list(told)
    edges = [(-np.inf, 0.0), *spans]
    found = []
    for (_, over), (start, _) in pairwise(edges):
        begin = start - CATCH - SECONDS
        if start - over >= REST and begin >= 0:
            found.append(float(begin))
    return found


def breath_sound(level: float, sample_rate: int, seed: int) -> NDArray[np.float32]:
    """Return one breath in, (n,): noise that swells and stops; ``level`` is the voice's RMS."""
    length = round(SECONDS * sample_rate)
    noise = np.random.default_rng(seed).standard_normal(length + sample_rate // 10)
    made = np.zeros(length)
    for low, high, share in BANDS:
        high = min(high, 0.45 * sample_rate)
        bands = signal.butter(1, (low, high), "bandpass", fs=sample_rate, output="sos")
        made += share * signal.sosfilt(bands, noise)[-length:]
    at = (np.arange(length) + 0.5) / length
    made *= np.sin(np.pi * at**1.4) ** 1.5
    made *= level * 10 ** (-QUIETER / 20) / max(float(np.sqrt((made**2).mean())), 1e-9)
    return made.astype(np.float32)
