"""Synthetic singing whose notes, vibrato and breaths are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio
from muze.testing.sounds import SAMPLE_RATE, midi_to_hz

FORMANTS = ((700.0, 110.0, 1.0), (1150.0, 130.0, 0.5), (2700.0, 200.0, 0.25), (3400.0, 250.0, 0.15))
"""Centre, width and height of an open vowel's resonances, in Hz."""
BREATH_BAND = (1000.0, 8000.0)

Note = tuple[float, float, float]
"""MIDI pitch, start and end in seconds."""


def singing(
    notes: Sequence[Note],
    duration: float,
    *,
    rate: float = 5.5,
    depth: float = 0.0,
    straight: float = 0.0,
    breaths: Sequence[float] = (),
    breath_length: float = 0.3,
    breath_level: float = 0.05,
    hiss: float = 0.0,
    level: float = 0.4,
    seed: int = 0,
) -> Audio:
    """Return notes on a vowel, with noise for breaths, over ``hiss`` of that RMS.

    Args:
        notes: MIDI pitch, start and end of each, in seconds; they do not overlap.
        duration: length in seconds.
        rate: of the vibrato, in Hz.
        depth: amplitude of the vibrato's sine, in cents.
        straight: seconds at the start of each note without vibrato, a quarter of it the swell.
        breaths: seconds at which a breath begins.
        breath_length: seconds a breath lasts.
        breath_level: RMS of a breath, a band of noise from 1 to 8 kHz.
        hiss: RMS of the noise behind it all.
        level: peak of the voice.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
    out = np.zeros(len(t))
    for pitch, start, end in notes:
        inside = slice(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        at = t[inside] - start
        swell = np.clip((at - straight) / (straight / 4 + 1e-9), 0, 1)
        cents = depth * swell * np.sin(2 * np.pi * rate * at)
        out[inside] += _vowel(midi_to_hz(pitch) * 2 ** (cents / 1200)) * _ends(
            at, end - start, 0.03
        )
    peak = np.abs(out).max() if len(notes) else 0.0
    if peak > 0:
        out *= level / peak
    for start in breaths:
        inside = slice(round(start * SAMPLE_RATE), round((start + breath_length) * SAMPLE_RATE))
        at = t[inside] - start
        swell = np.sin(np.pi * np.clip(at / breath_length, 0, 1)) ** 0.5
        out[inside] += breath_level * swell * _band(len(at), rng)
    out += hiss * rng.standard_normal(len(t))
    return Audio(out.astype(np.float32)[None], SAMPLE_RATE)


def _vowel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return harmonics of a moving pitch (n,), as loud as the vowel's resonances make them."""
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    out = np.zeros(len(hertz))
    for number in range(1, int(5000 / hertz.max()) + 1):
        here = number * hertz
        gain = sum(h / (1 + ((here - f) / w) ** 2) for f, w, h in FORMANTS) + 0.15 / number
        out += gain * np.sin(number * phase)
    return out


def _ends(at: NDArray[np.float64], length: float, ramp: float) -> NDArray[np.float64]:
    """Return a rise and fall of ``ramp`` seconds at the ends of a note."""
    return np.clip(np.minimum(at, length - at) / ramp, 0, 1)


def _band(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return noise between the edges of a breath's band, of RMS 1."""
    from scipy.signal import butter, sosfilt

    sections = butter(2, BREATH_BAND, "bandpass", fs=SAMPLE_RATE, output="sos")
    noise = sosfilt(sections, rng.standard_normal(length))
    return np.asarray(noise / (np.sqrt(np.mean(noise**2)) + 1e-12))
