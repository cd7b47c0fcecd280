"""Loudness of a whole sound (ITU-R BS.1770-4), weighted a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio

PIECE = 1 << 16  # samples weighted at once; memory stays the same however long the song
BLOCK = 0.4  # seconds of a gating block
OVERLAP = 0.75  # of neighbouring blocks
OFFSET_DB = -0.691
"""Makes the loudness of a 997 Hz sine at full scale, in one channel, -3.01 LKFS."""
SURROUND_GAIN = 1.41  # power of the fourth and fifth channel counts for more
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
"""In LUFS, and in LU below the mean of what passes the first."""


def loudness(audio: Audio) -> float:
    """Return the integrated loudness in LUFS; minus infinity for silence.

    What ``pyloudnorm.Meter.integrated_loudness`` gives, which wants the whole sound at once.
    """
    if not audio.samples.any():
        return -math.inf
    block = min(BLOCK, audio.duration)  # the standard's 400 ms, or all there is
    step = block * (1 - OVERLAP)
    starts = np.arange(round((audio.duration - block) / step) + 1) * step
    edges = (np.stack([starts, starts + block]) * audio.sample_rate + 1e-6).astype(int)
    first, last = energy_until(audio, edges)
    power = (last - first) / (block * audio.sample_rate)
    power = power[power >= 10 ** ((ABSOLUTE_GATE - OFFSET_DB) / 10)]
    if not power.size:
        return -math.inf
    loud = power[power > power.mean() * 10 ** (RELATIVE_GATE / 10)]
    return OFFSET_DB + 10 * math.log10(loud.mean())


def energy_until(audio: Audio, edges: NDArray[np.float64 | np.int_]) -> NDArray[np.float64]:
    """Return the K-weighted energy from the start to each of ``edges``, shaped as they are.

    Energy is power summed over samples; edges are in samples, and may lie between two.
    """
    energy, first, total = np.zeros(edges.shape), 0, 0.0
    for power in _weighted_power(audio):
        sums = np.concatenate([[total], total + np.cumsum(power)])
        later = edges > first  # of these, the ones beyond this piece are set again by the next
        energy[later] = np.interp(edges[later] - first, np.arange(len(sums)), sums)
        first, total = first + len(power), float(sums[-1])
    return energy


def _weighted_power(audio: Audio) -> Iterator[NDArray[np.float64]]:
    """Yield the K-weighted power of each sample, summed over channels, in pieces of shape (n,)."""
    from pyloudnorm import Meter
    from scipy.signal import lfilter

    channels, length = audio.samples.shape
    gains = np.ones((channels, 1))
    gains[3:5] = SURROUND_GAIN
    stages = [(stage.b, stage.a) for stage in Meter(audio.sample_rate)._filters.values()]
    states = [np.zeros((channels, 2)) for _ in stages]
    for first in range(0, length, PIECE):
        weighted = audio.samples[:, first : first + PIECE].astype(np.float64)
        for index, (b, a) in enumerate(stages):
            weighted, states[index] = lfilter(b, a, weighted, axis=-1, zi=states[index])
        yield (gains * weighted**2).sum(axis=0)
