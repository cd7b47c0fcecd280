"""The last steps before the file: loudness, true peak, fade."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from muze.audio.loudness import loudness
from muze.core.errors import AudioError
from muze.core.grid import Audio

Curve = NDArray[np.float64]

CEILING_DB = -1.0
"""Highest true peak, dBTP (EBU R 128)."""
PIECE = 1 << 14  # samples limited at once; memory stays the same however long the song
OVERSAMPLING = 16  # a peak between two of these is missed by 0.04 dB at most
HOLD = 0.005
"""Seconds the limiter looks ahead and behind; long enough for a period of 100 Hz."""
ROUNDS = 6
"""Limiting takes loudness away; it is given back this many times at most."""

TAPS = 512
"""Samples on either side a value between two samples is computed from.

Passes all to 0.99 of half the rate; as few as 6, the number in BS.1770-4's example,
lose 1.4 dB at 14 kHz of a rate of 32 kHz.
"""
_AT = np.arange(-TAPS, TAPS + 1) + np.arange(OVERSAMPLING)[:, None] / OVERSAMPLING
_WINDOW = np.i0(5 * np.sqrt(np.clip(1 - (_AT / TAPS) ** 2, 0, None)))  # Kaiser
# shape (OVERSAMPLING, 2 TAPS + 1); the first phase is the samples themselves
_PHASES = (np.sinc(_AT) * _WINDOW / np.i0(5)).astype(np.float32)


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
    from scipy import ndimage  # when it is needed: a training that shows nothing never does

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
    from scipy import signal

    highest = np.zeros(samples.shape[1])
    for channel in samples:
        between = signal.oaconvolve(channel[None], _PHASES, axes=1)[:, TAPS:-TAPS]
        np.maximum(highest, np.abs(between, out=between).max(axis=0), highest)
    return highest
