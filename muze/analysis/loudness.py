"""Loudness as broadcasters measure it (ITU-R BS.1770-4, EBU R 128)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muze.analysis.curves import smooth
from muze.audio.loudness import ABSOLUTE_GATE, BLOCK, OFFSET_DB, energy_until, loudness
from muze.core.grid import Audio, TimeGrid

SILENCE = ABSOLUTE_GATE
"""In LUFS; nothing is reported below it."""
CALM = 15.0
"""LU: a song that moves by less than this is drawn less high than one that moves by more."""


def integrated(audio: Audio) -> float:
    """Return the gated loudness of all of it in LUFS; -70 for silence."""
    return max(SILENCE, loudness(audio))


def short_term(audio: Audio, grid: TimeGrid, window: float = BLOCK) -> NDArray[np.float64]:
    """Return the loudness over ``window`` seconds around each frame in LUFS, shape (T,)."""
    edges = np.arange(grid.frames + 1) / grid.frame_rate * audio.sample_rate
    power = np.diff(energy_until(audio, edges)) * grid.frame_rate / audio.sample_rate
    return _lufs(smooth(power, max(1, round(window * grid.frame_rate))))


def intensity(audio: Audio, grid: TimeGrid) -> NDArray[np.float32]:
    """Return 3 s loudness placed in the sound's own range, 0 calmest to 1 loudest, shape (T,)."""
    loudness = short_term(audio, grid, window=3.0)
    low, high = np.percentile(loudness, [5, 95])
    low = min(max(low, high - 2 * CALM), high - CALM)
    return np.asarray(np.clip((loudness - low) / (high - low), 0, 1), np.float32)


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(SILENCE, 10 * np.log10(np.maximum(power, 1e-12)) + OFFSET_DB))
