"""The pitch class that sounds strongest, over time: what MusicGen calls the melody."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import frames_of
from muze.core.grid import Audio

RATE = 32000
WINDOW, HOP = 2**14, 2**12
HOP_SECONDS = HOP / RATE  # 0.128
NONE = -1
"""The class of a hop in which nothing sounds."""
SILENT = 1e-3
"""RMS of a window, -60 dBFS, below which nothing sounds."""


def melody_chroma(audio: Audio) -> NDArray[np.int_]:
    """Return the strongest pitch class of every 128 ms, 0 to 11 from C, -1 for silence, (N,).

    Power of a spectrogram with a window of 2^14 and a hop of 2^12 samples at 32 kHz, folded into
    twelve (Copet et al. 2023, arXiv:2306.05284; Tal et al. 2024, arXiv:2406.10970). Hop n is
    centred at (n + 0.5) * 128 ms.
    """
    import soxr

    samples = np.asarray(soxr.resample(audio.mono, audio.sample_rate, RATE), np.float32)
    count = max(1, int(np.ceil(len(samples) / HOP - 1e-6)))
    window = np.hanning(WINDOW).astype(np.float32)
    strongest, level = [], []
    for frames in frames_of(samples, WINDOW, HOP, count):
        power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
        strongest.append((power @ _filters().T).argmax(axis=1))
        level.append(np.sqrt(np.square(frames, dtype=float).mean(axis=1)))
    quiet = np.concatenate(level) < SILENT
    return np.where(quiet, NONE, np.concatenate(strongest))


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float32]:
    """How much each of 8193 frequencies belongs to each pitch class, (12, 8193)."""
    from librosa.filters import chroma

    return np.asarray(chroma(sr=RATE, n_fft=WINDOW, tuning=0.0, n_chroma=12), np.float32)
