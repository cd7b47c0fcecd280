"""The last steps before the file: loudness, true peak, fade."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import ndimage, signal

from muze.core.errors import AudioError
from muze.core.grid import Audio

Curve = NDArray[np.float64]

CEILING_DB = -1.0
"""Highest true peak, dBTP (EBU R 128)."""
OVERSAMPLING = 4
HOLD = 0.005
"""Seconds the limiter looks ahead and behind; long enough for a period of 100 Hz."""
ROUNDS = 4
"""Limiting takes loudness away; it is given back this many times at most."""

# 12 taps a phase, as many as in BS.1770-4's annex 2; the first phase is the samples themselves
_TAPS = signal.firwin(12 * OVERSAMPLING + 1, 1 / OVERSAMPLING, window=("kaiser", 5.0))
_PHASES = [_TAPS[phase::OVERSAMPLING] * OVERSAMPLING for phase in range(1, OVERSAMPLING)]


def loudness(audio: Audio) -> float:
    """Return the integrated loudness in LUFS (ITU-R BS.1770-4); minus infinity for silence."""
    if not audio.samples.any():
        return -math.inf
    block = min(0.4, audio.duration)  # the standard's 400 ms, or all there is
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # log of a silent block
        meter = pyloudnorm.Meter(audio.sample_rate, block_size=block)
        return float(meter.integrated_loudness(audio.samples.T.astype(np.float64)))


def true_peak(audio: Audio) -> float:
    """Return the peak between samples too, linear (ITU-R BS.1770-4, annex 2)."""
    return float(_peaks(audio.samples).max(initial=0.0))


def normalise(audio: Audio, lufs: float, ceiling_db: float = CEILING_DB) -> Audio:
    """Return the sound at a loudness of ``lufs``, or as near as the ceiling lets it.

    Raises:
        AudioError: the sound is silent, so that no gain makes it louder.
    """
    heard = loudness(audio)
    if not math.isfinite(heard):
        raise AudioError(f"the sound is silent and cannot be brought to {lufs:g} LUFS")
    gain_db, peaks, ceiling = lufs - heard, _peaks(audio.samples), 10 ** (ceiling_db / 20)
    made = audio
    for _ in range(ROUNDS):
        gain = 10 ** (gain_db / 20)
        made = _limited(audio, gain * _gain(gain * peaks, ceiling, audio.sample_rate))
        missing = lufs - loudness(made)
        if abs(missing) < 0.05 or gain * peaks.max() <= ceiling:
            break
        gain_db += missing
    return _kept_under(made, ceiling)


def limit(audio: Audio, ceiling_db: float = CEILING_DB) -> Audio:
    """Return the sound with no true peak above ``ceiling_db`` dBTP."""
    ceiling, peaks = 10 ** (ceiling_db / 20), _peaks(audio.samples)
    if peaks.max(initial=0.0) <= ceiling:
        return audio
    return _kept_under(_limited(audio, _gain(peaks, ceiling, audio.sample_rate)), ceiling)


def _gain(peaks: Curve, ceiling: float, sample_rate: int) -> Curve:
    """Return the gain of a look-ahead limiter, shape (n,).

    The gain each sample needs, held for the least around it, then smoothed over no more than was
    held, so that it is never above what is needed.
    """
    width = 2 * round(HOLD * sample_rate) + 1
    held = ndimage.minimum_filter1d(
        ceiling / np.maximum(peaks, ceiling), 2 * width - 1, mode="nearest"
    )
    once = ndimage.uniform_filter1d(held, width, mode="nearest")
    gain: Curve = ndimage.uniform_filter1d(once, width, mode="nearest")
    return gain


def _limited(audio: Audio, gain: Curve) -> Audio:
    return Audio((audio.samples * gain).astype(np.float32), audio.sample_rate)


def _kept_under(audio: Audio, ceiling: float) -> Audio:
    """Take off the hair by which a changing gain moves what lies between the samples."""
    over = float(_peaks(audio.samples).max(initial=0.0)) / ceiling
    return audio if over <= 1 else Audio(audio.samples / np.float32(over), audio.sample_rate)


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
    # phase by phase, which needs no array four times as long as the song
    for taps in _PHASES:
        for channel in samples:
            np.maximum(highest, np.abs(ndimage.convolve1d(channel, taps, mode="constant")), highest)
    return highest
