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
    spectrum = np.concatenate(
        [
            _filters() @ np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32).T
            for frames in frames_of(sound.samples, N_FFT, HOP)
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
    """Triangles of area one, even on Slaney's mel scale, shape (48, 513).

    What ``librosa.filters.mel`` gives; importing that costs more than all else here together.
    """
    edges = _hertz(np.linspace(_mel(30.0), _mel(RATE / 2), NUM_MELS + 2))[:, None]
    hertz = np.fft.rfftfreq(N_FFT, 1 / RATE)
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * 2 / (edges[2:] - edges[:-2]), np.float32)


def _mel(hertz: float) -> float:
    """Slaney's scale: 200/3 Hz a mel up to 1 kHz, from there 27 mels each time 6.4-fold."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
