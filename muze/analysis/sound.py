"""Sound as the analyses hear it: mono at one rate, recognised by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

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


_last: list[Sound] = []  # several streams hear the same render one after another


def hear(audio: Audio) -> Sound:
    """Return the audio, mixed to mono and resampled to ``RATE``."""
    import soxr

    content = np.ascontiguousarray(audio.samples)
    digest = hashlib.blake2b(content.view(np.uint8), digest_size=16)
    digest.update(str((audio.sample_rate, content.shape)).encode())
    if not (_last and _last[0].digest == digest.digest()):
        samples = soxr.resample(audio.mono, audio.sample_rate, RATE).astype(np.float32)
        _last[:] = [Sound(digest.digest(), samples)]
    return _last[0]


def frames_of(
    sound: Sound, length: int, hop: int, num_frames: int | None = None
) -> NDArray[np.float32]:
    """Return frames (N, length) centred at (t + 0.5) * hop samples; silence lies outside."""
    count = num_frames or max(1, len(sound.samples) // hop)
    before = length // 2 - hop // 2
    after = max(0, (count - 1) * hop + length - before - len(sound.samples))
    padded = np.pad(sound.samples, (before, after))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:count]
