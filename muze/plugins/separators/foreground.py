"""Foreground separator: the voice by its pitch, for where no trained separator is."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import ClassVar

import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import Field

from muze import hookimpl
from muze.core.grid import Array, Audio
from muze.core.settings import Settings

Track = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Seconds, Hz, and how sure it is that this is a pitch, 0 to 1; (T,) each."""

TRACKER_RATE = 16000
SHORTEST = TRACKER_RATE // 4
"""Samples below which the tracker hears nothing."""
HOP_SECONDS = 0.016  # the tracker's own
OVERLAP = 4
"""Hops that a window is long: 64 ms, which tells the harmonics of a low voice apart."""
PIECE = 60.0
"""Seconds whose spectrum is looked at at once; memory stays the same however long the song."""


class ForegroundSeparator:
    """Vocals as the harmonics of the pitch that stands out most, and what is left without them.

    Pitch-based inference (Hsu & Jang 2010; Rafii, Duan & Pardo 2014) with a soft mask. What stands
    out may be a lead instrument, where nobody sings; consonants, which have no pitch, stay behind.
    """

    name: ClassVar[str] = "foreground"
    api: ClassVar[int] = 1

    class Config(Settings):
        """Where a voice is looked for."""

        lowest: float = Field(75.0, gt=0, description="Lowest pitch of a voice, Hz.")
        highest: float = Field(1000.0, gt=0, description="Highest pitch of a voice, Hz.")
        width: float = Field(
            20.0, gt=0, description="Standard deviation of what counts to a harmonic, Hz."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What takes the mix apart, as records tell it."""
        tracker = f"swift-f0 {version('swift-f0')}"
        return f"harmonics of the foreground pitch ({tracker}), no trained separator"

    def separate(self, audio: Audio) -> dict[str, Audio]:
        """Return ``vocals`` and ``accompaniment``, which add up to the mix."""
        import librosa

        samples, rate = audio.samples, audio.sample_rate
        track = self._track(audio)
        hop = max(1, round(HOP_SECONDS * rate))
        n_fft = OVERLAP * hop
        length = samples.shape[1]
        step = max(1, round(PIECE * rate / hop)) * hop
        vocals = np.empty_like(samples)
        for first in range(0, length, step):
            # with as much to each side as a window reaches, so that the seams are exact
            low, high = max(0, first - n_fft), min(length, first + step + n_fft)
            spectrum = librosa.stft(samples[:, low:high], n_fft=n_fft, hop_length=hop)
            frames = (low + np.arange(spectrum.shape[2]) * hop) / rate
            spectrum *= self._mask(track, frames, np.fft.rfftfreq(n_fft, 1 / rate))
            piece = librosa.istft(spectrum, n_fft=n_fft, hop_length=hop, length=high - low)
            last = min(length, first + step)
            vocals[:, first:last] = piece[:, first - low : last - low]
        return {"vocals": Audio(vocals, rate), "accompaniment": Audio(samples - vocals, rate)}

    def _track(self, audio: Audio) -> Track:
        heard = soxr.resample(audio.mono, audio.sample_rate, TRACKER_RATE)
        heard = np.pad(heard, (0, max(0, SHORTEST - len(heard))))
        found = _tracker().detect(
            heard, TRACKER_RATE, fmin=self.config.lowest, fmax=self.config.highest
        )
        return found.timestamps, found.pitch_hz, found.confidence

    def _mask(self, track: Track, seconds: Array, hertz: Array) -> NDArray[np.float32]:
        """Return what part of each bin is voice, (F, T): near a harmonic, and sure of its pitch."""
        times, pitches, sure = track
        pitch = np.interp(seconds, times, pitches)
        away = hertz[:, None] - np.maximum(1, np.round(hertz[:, None] / pitch)) * pitch
        near = np.exp(-((away / self.config.width) ** 2) / 2)
        mask: NDArray[np.float32] = (near * np.interp(seconds, times, sure)).astype(np.float32)
        return mask


@lru_cache(maxsize=1)
def _tracker():  # type: ignore[no-untyped-def]  # a class of the library's
    from swift_f0 import SwiftF0

    return SwiftF0()


@hookimpl
def muze_separators() -> list[type[ForegroundSeparator]]:
    """Offer the separator."""
    return [ForegroundSeparator]
