"""Sound as the analyses hear it: mono at one rate, recognised by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio

RATE = 24000
"""Samples a second: 240 of them make a frame of 10 ms, and cymbals (below 12 kHz) are kept."""
PIECE = 1000  # frames cut at once; memory stays the same however long the song


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
    return _heard(_Known(_digest(audio.samples), audio.samples.shape, audio.sample_rate, audio))


@dataclass(frozen=True)
class _Known:
    """Audio equal, and hashed, by content."""

    digest: bytes
    shape: tuple[int, ...]
    sample_rate: int
    audio: Audio = field(compare=False, repr=False)


@lru_cache(maxsize=1)  # several streams hear the same render one after another
def _heard(known: _Known) -> Sound:
    import soxr

    samples = soxr.resample(known.audio.mono, known.sample_rate, RATE)
    return Sound(_digest(samples), samples)


def _digest(samples: NDArray[np.float32]) -> bytes:
    content = np.ascontiguousarray(samples).reshape(-1)  # no copy, as samples mostly lie
    return hashlib.blake2b(content.data, digest_size=16).digest()


def frames_of(
    samples: NDArray[np.float32], length: int, hop: int, num_frames: int | None = None
) -> Iterator[NDArray[np.float32]]:
    """Yield frames centred at (t + 0.5) * hop samples, a piece (N, length) of them at a time.

    Silence lies outside.
    """
    count = num_frames or max(1, len(samples) // hop)
    for t in range(0, count, PIECE):
        size = min(PIECE, count - t)
        first = t * hop + hop // 2 - length // 2
        last = first + (size - 1) * hop + length
        inside = samples[max(first, 0) : last]
        before = max(0, -first)
        padded = np.pad(inside, (before, last - first - before - len(inside)))
        yield np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
