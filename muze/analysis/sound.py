"""Sound as the analyses hear it: mono at one rate, recognised by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio

RATE = 24000
"""Samples a second: 240 of them make a frame of 10 ms, and cymbals (below 12 kHz) are kept."""


@dataclass(frozen=True)
class Sound:
    """Mono samples at ``RATE``; equal, and hashed, by content, so that analyses can be cached."""

    digest: bytes
    samples: NDArray[np.float32] = field(compare=False, repr=False)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE

    @property
    def silent(self) -> bool:
        """Whether nothing sounds: no sample above -80 dBFS."""
        return not np.any(np.abs(self.samples) > 1e-4)


def hear(audio: Audio) -> Sound:
    """Return the audio, mixed to mono and resampled to ``RATE``."""
    return _heard(audio.samples.tobytes(), audio.samples.shape, audio.sample_rate)


@lru_cache(maxsize=1)  # several streams hear the same render one after another
def _heard(content: bytes, shape: tuple[int, ...], sample_rate: int) -> Sound:
    import soxr

    mono = np.frombuffer(content, np.float32).reshape(shape).mean(axis=0, dtype=np.float32)
    samples = soxr.resample(mono, sample_rate, RATE).astype(np.float32)
    return Sound(hashlib.blake2b(samples.tobytes(), digest_size=16).digest(), samples)


def frames_of(
    samples: NDArray[np.float32], length: int, hop: int, num_frames: int | None = None
) -> NDArray[np.float32]:
    """Return frames (N, length) centred at (t + 0.5) * hop samples; silence lies outside."""
    count = num_frames or max(1, len(samples) // hop)
    first = hop // 2 - length // 2
    after = max(0, first + (count - 1) * hop + length - len(samples))
    padded = np.pad(samples, (max(0, -first), after))[max(0, first) :]
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:count]
