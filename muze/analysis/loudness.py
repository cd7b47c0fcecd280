"""Loudness as broadcasters measure it (ITU-R BS.1770-4, EBU R 128)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.curves import smooth
from muze.core.grid import Audio, TimeGrid

SILENCE = -70.0
"""The absolute gate of BS.1770, in LUFS; nothing is reported below it."""
BLOCK = 0.4  # seconds of momentary loudness
CALM = 15.0
"""LU: a song that moves by less than this is drawn less high than one that moves by more."""


def integrated(audio: Audio) -> float:
    """Return the gated loudness of all of it in LUFS; -70 for silence.

    What is shorter than one 400 ms block is measured without gate.
    """
    from pyloudnorm import Meter

    if audio.duration <= BLOCK:
        power = float(
            _power(audio.samples.tobytes(), audio.samples.shape, audio.sample_rate).mean()
        )
        return float(_lufs(np.asarray(power)))
    with np.errstate(divide="ignore"):  # silence is minus infinity on the way
        loudness = Meter(audio.sample_rate).integrated_loudness(audio.samples.T.astype(float))
    return max(SILENCE, float(loudness))


def short_term(audio: Audio, grid: TimeGrid, window: float = BLOCK) -> NDArray[np.float64]:
    """Return the loudness over ``window`` seconds around each frame in LUFS, shape (T,)."""
    power = _power(audio.samples.tobytes(), audio.samples.shape, audio.sample_rate)
    edges = np.arange(grid.frames + 1) / grid.frame_rate * audio.sample_rate
    total = np.concatenate([[0.0], np.cumsum(power)])
    framed = np.diff(np.interp(edges, np.arange(len(total)), total)) * grid.frame_rate
    return _lufs(smooth(framed / audio.sample_rate, max(1, round(window * grid.frame_rate))))


def intensity(audio: Audio, grid: TimeGrid) -> NDArray[np.float32]:
    """Return 3 s loudness placed in the sound's own range, 0 calmest to 1 loudest, shape (T,)."""
    loudness = short_term(audio, grid, window=3.0)
    low, high = np.percentile(loudness, [5, 95])
    low = min(max(low, high - 2 * CALM), high - CALM)
    return np.asarray(np.clip((loudness - low) / (high - low), 0, 1), np.float32)


@lru_cache(maxsize=1)
def _power(content: bytes, shape: tuple[int, ...], sample_rate: int) -> NDArray[np.float64]:
    """K-weighted power of each sample, summed over channels, shape (n,)."""
    from pyloudnorm import Meter
    from scipy.signal import lfilter

    weighted = np.frombuffer(content, np.float32).reshape(shape).astype(float)
    for stage in Meter(sample_rate)._filters.values():
        weighted = lfilter(stage.b, stage.a, weighted, axis=-1)
    power: NDArray[np.float64] = (weighted**2).sum(axis=0)
    return power


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(SILENCE, 10 * np.log10(np.maximum(power, 1e-12)) - 0.691))
