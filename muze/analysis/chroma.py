"""How strongly each semitone sounds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import RATE, Sound, frames_of

HOP = 1024  # 43 ms
OCTAVES = 7
LOWEST = 32.703  # Hz, C1
BINS = 36  # an octave; three a semitone, so that a voice a little off still falls in one of them


@lru_cache(maxsize=4)
def semitones(sound: Sound) -> NDArray[np.float32]:
    """Return the constant-Q magnitude of each semitone from C1 on, every 43 ms, shape (84, N).

    Each octave is heard with the same kernels, in the sound at half the rate of the octave above
    (Brown & Puckette 1992; Schoerkhuber & Klapuri 2010). A semitone is the loudest of its three
    bins; white noise is equally loud in all.
    """
    import soxr

    count = max(1, len(sound.samples) // HOP)
    octaves = []
    for down in range(OCTAVES):
        rate = RATE >> down
        samples = sound.samples if down == 0 else soxr.resample(sound.samples, RATE, rate)
        kernels = _kernels().reshape(len(_kernels()), -1)
        parts = np.concatenate(
            [frames @ kernels for frames in frames_of(samples, len(kernels), HOP >> down, count)]
        )
        bins = np.hypot(*np.moveaxis(parts.reshape(count, 2, BINS), 1, 0)) * 2 ** (down / 2)
        # the bin below a semitone, its own, the one above; the kernels start one bin low
        octaves.append(bins.reshape(count, 12, BINS // 12).max(axis=2))
    return np.ascontiguousarray(np.concatenate(octaves[::-1], axis=1).T, np.float32)


@lru_cache(maxsize=1)
def _kernels() -> NDArray[np.float32]:
    """Cosines and sines under Hann windows for the highest octave, shape (L, 2, 36)."""
    hertz = LOWEST * 2.0 ** (OCTAVES - 1 + (np.arange(BINS) - 1) / BINS)
    lengths = RATE / hertz / (2 ** (1 / BINS) - 1)
    t = np.arange(2 * (int(lengths[0]) // 2)) + 0.5 - int(lengths[0]) // 2
    inside = np.abs(t[:, None]) < lengths / 2
    window = np.where(inside, 1 + np.cos(2 * np.pi * t[:, None] / lengths), 0)
    window /= np.sqrt(lengths)  # noise of any pitch is equally loud
    angle = 2 * np.pi * hertz / RATE * t[:, None]
    return np.stack([window * np.cos(angle), window * np.sin(angle)], axis=1).astype(np.float32)
