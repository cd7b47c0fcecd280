"""When syllables are heard to begin, by where a voice's sound changes fastest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from muze.core.grid import Audio

RATE, HOP, WINDOW = 16_000, 80, 320
"""Samples a second heard, from frame to frame (5 ms), and in a window (20 ms)."""
BANDS = 40
FLOOR = 50.0
"""dB below the loudest at which nothing is heard."""
OVER = 8
"""Frames over which a rise is taken: 40 ms."""
APART = 12
"""Frames between two onsets at least: 60 ms."""
LEAST = 0.3
"""Height of the least onset, beside the highest of them (their 95th percentile)."""


def heard_onsets(audio: Audio) -> NDArray[np.float64]:
    """Return the seconds at which a voice's sound rises or changes, rising (N,).

    Half-wave rectified flux of a log-mel spectrum (Dixon 2006), its peaks.
    """
    import soxr
    from librosa.feature import melspectrogram

    samples = soxr.resample(audio.mono, audio.sample_rate, RATE)
    mel = melspectrogram(
        y=samples, sr=RATE, n_fft=512, win_length=WINDOW, hop_length=HOP, n_mels=BANDS,
        fmin=100, fmax=5000,
    )  # fmt: skip
    level = 10 * np.log10(mel + 1e-12)
    level = np.maximum(level, level.max() - FLOOR)
    flux = np.maximum(level[:, OVER:] - level[:, :-OVER], 0).mean(axis=0)
    flux = np.convolve(flux, np.hanning(7) / np.hanning(7).sum(), "same")
    peaks, _ = find_peaks(
        flux, height=LEAST * np.percentile(flux, 95), distance=APART,
        prominence=LEAST * np.percentile(flux, 95),
    )  # fmt: skip
    return np.asarray((peaks + OVER / 2) * HOP / RATE)


def onset_errors(asked: Sequence[float], heard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how many seconds the onset heard nearest to each asked for misses it, (N,)."""
    if not len(heard):
        return np.full(len(asked), np.inf)
    return np.asarray([np.abs(heard - moment).min() for moment in asked])
