"""Onset strength in frequency bands."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import RATE, Sound, frames_of

HOP = 240  # 10 ms
N_FFT = (
    1024  # 43 ms: short enough for the time of an onset, long enough to tell bass drums from bass
)
NUM_MELS = 48
BANDS = (100, 220, 500, 1200, 3000, 12000)
"""Upper edges in Hz: bass drum, bass, low and high middle, snare, cymbals."""
LAG = 2  # frames over which a rise is taken; a 43 ms window smears an onset over four


@lru_cache(maxsize=4)
def log_mel(sound: Sound) -> NDArray[np.float32]:
    """Return log-compressed mel bands from 30 Hz to 12 kHz at 100 Hz, about 0 to 4.6, (48, N)."""
    window = np.hanning(N_FFT).astype(np.float32)
    frames = frames_of(sound.samples, N_FFT, HOP)
    blocks = np.array_split(frames, 1 + len(frames) // 2000)  # bounds memory on long songs
    spectrum = np.concatenate(
        [
            _filters() @ np.abs(np.fft.rfft(block * window, axis=1)).astype(np.float32).T
            for block in blocks
        ],
        axis=1,
    )
    out: NDArray[np.float32] = np.log1p(100 * spectrum / (spectrum.max() + 1e-9))
    return out


@lru_cache(maxsize=4)
def onset_bands(sound: Sound) -> NDArray[np.float32]:
    """Return the spectral flux of each band, mean about 1, at 100 Hz, shape (6, N).

    Half-wave rectified differences of a log-compressed mel spectrogram, each bin compared with its
    neighbours' maximum so that vibrato is no onset (Boeck & Widmer 2013, SuperFlux).
    """
    from scipy.ndimage import maximum_filter1d

    level = log_mel(sound)
    before = maximum_filter1d(
        np.pad(level, ((0, 0), (LAG, 0)), "edge")[:, : level.shape[1]], 3, axis=0
    )
    rise = np.maximum(level - before, 0)
    filters = _filters()
    centres = filters @ np.arange(filters.shape[1]) / filters.sum(axis=1) * RATE / N_FFT
    band = np.searchsorted(BANDS, centres)
    flux = np.stack([rise[band == b].mean(axis=0) for b in range(len(BANDS))])
    out: NDArray[np.float32] = (flux / (flux.mean(axis=1, keepdims=True) + 0.02)).astype(np.float32)
    return out


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float32]:
    from librosa.filters import mel

    bank: NDArray[np.float32] = mel(sr=RATE, n_fft=N_FFT, n_mels=NUM_MELS, fmin=30, fmax=RATE / 2)
    return bank
