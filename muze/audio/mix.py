"""The last steps before the file: loudness, true peak, fade."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from muze.audio.loudness import loudness
from muze.core.errors import AudioError
from muze.core.grid import Audio

Curve = NDArray[np.float64]

CEILING_DB = -1.0
"""Highest true peak, dBTP (EBU R 128)."""
PIECE = 1 << 16  # samples limited at once; memory stays the same however long the song
OVERSAMPLING = 4
HOLD = 0.005
"""Seconds the limiter looks ahead and behind; long enough for a period of 100 Hz."""
ROUNDS = 4
"""Limiting takes loudness away; it is given back this many times at most."""

TAPS = 12
"""Samples a value between two samples is computed from, as in BS.1770-4's annex 2."""
# the first phase is the samples themselves
_TAPS = signal.firwin(TAPS * OVERSAMPLING + 1, 1 / OVERSAMPLING, window=("kaiser", 5.0))
_PHASES = [_TAPS[phase::OVERSAMPLING] * OVERSAMPLING for phase in range(1, OVERSAMPLING)]


def true_peak(audio: Audio) -> float:
    """Return the peak between samples too, linear (ITU-R BS.1770-4, annex 2)."""
    highest = 0.0
    for first in range(0, audio.samples.shape[1], PIECE):
        low = max(first - TAPS, 0)
        peaks = _peaks(audio.samples[:, low : first + PIECE + TAPS])
        highest = max(highest, float(peaks[first - low :][:PIECE].max()))
    return highest


def normalise(audio: Audio, lufs: float, ceiling_db: float = CEILING_DB) -> Audio:
    """Return the sound at a loudness of ``lufs``, or as near as the ceiling lets it.

    Raises:
        AudioError: the sound is silent, so that no gain makes it louder.
    """
    heard = loudness(audio)
    if not math.isfinite(heard):
        raise AudioError(f"the sound is silent and cannot be brought to {lufs:g} LUFS")
    gain_db, highest, ceiling = lufs - heard, true_peak(audio), 10 ** (ceiling_db / 20)
    made = Audio(np.empty_like(audio.samples), audio.sample_rate)
    for _ in range(ROUNDS):
        gain = 10 ** (gain_db / 20)
        _limit(audio, gain, ceiling, made)
        missing = lufs - loudness(made)
        if abs(missing) < 0.05 or gain * highest <= ceiling:
            break
        gain_db += missing
    _keep_under(made, ceiling)
    return made


def limit(audio: Audio, ceiling_db: float = CEILING_DB) -> Audio:
    """Return the sound with no true peak above ``ceiling_db`` dBTP."""
    ceiling = 10 ** (ceiling_db / 20)
    if true_peak(audio) <= ceiling:
        return audio
    made = Audio(np.empty_like(audio.samples), audio.sample_rate)
    _limit(audio, 1.0, ceiling, made)
    _keep_under(made, ceiling)
    return made


def _limit(audio: Audio, gain: float, ceiling: float, made: Audio) -> None:
    """Write the sound times ``gain``, limited, to ``made``.

    Limited in pieces with as much sound around them as the limiter sees, so the seams are exact.
    """
    reach = 2 * _width(audio.sample_rate) + TAPS
    for first in range(0, audio.samples.shape[1], PIECE):
        low, last = max(first - reach, 0), first + PIECE
        peaks = gain * _peaks(audio.samples[:, low : last + reach])
        gains = gain * _gain(peaks, ceiling, audio.sample_rate)[first - low :][:PIECE]
        made.samples[:, first:last] = audio.samples[:, first:last] * gains


def _keep_under(audio: Audio, ceiling: float) -> None:
    """Take off the hair by which a changing gain moves what lies between the samples."""
    over = true_peak(audio) / ceiling
    if over > 1:
        np.divide(audio.samples, np.float32(over), out=audio.samples)


def _width(sample_rate: int) -> int:
    """Samples the limiter holds a gain for."""
    return 2 * round(HOLD * sample_rate) + 1


def _gain(peaks: Curve, ceiling: float, sample_rate: int) -> Curve:
    """Return the gain of a look-ahead limiter, shape (n,).

    The gain each sample needs, held for the least around it, then smoothed over no more than was
    held, so that it is never above what is needed.
    """
    width = _width(sample_rate)
    held = ndimage.minimum_filter1d(
        ceiling / np.maximum(peaks, ceiling), 2 * width - 1, mode="nearest"
    )
    once = ndimage.uniform_filter1d(held, width, mode="nearest")
    gain: Curve = ndimage.uniform_filter1d(once, width, mode="nearest")
    return gain


def fade_out(audio: Audio, seconds: float) -> Audio:
    """Return the sound with its last ``seconds`` faded to nothing (raised cosine)."""
    length = min(round(seconds * audio.sample_rate), audio.samples.shape[1])
    if length == 0:
        return audio
    samples = audio.samples.copy()
    curve = 0.5 + 0.5 * np.cos(np.pi * (np.arange(length) + 1) / length)
    samples[:, -length:] *= curve.astype(np.float32)
    return Audio(samples, audio.sample_rate)


def _peaks(samples: NDArray[np.float32]) -> Curve:
    """Return the highest of all channels around each sample, between samples too, shape (n,)."""
    highest: Curve = np.abs(samples).max(axis=0).astype(np.float64)
    # phase by phase, which needs no array four times as long
    for taps in _PHASES:
        for channel in samples:
            np.maximum(highest, np.abs(ndimage.convolve1d(channel, taps, mode="constant")), highest)
    return highest
