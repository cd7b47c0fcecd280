"""Synthetic drums whose hits are known, from a kit that a seed builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio
from muze.testing.sounds import SAMPLE_RATE

Wave = NDArray[np.float64]


def drumming(
    hits: Mapping[str, Sequence[float]], duration: float, *, level: float = 0.5, seed: int = 0
) -> Audio:
    """Return kick, snare, hat, tom and cymbal struck at the seconds ``hits`` gives each."""
    rng = np.random.default_rng(seed)
    kit = {"kick": _kick(rng), "snare": _snare(rng), "hat": _metal(rng, 0.02, 0.07, 0.35),
           "tom": _tom(rng), "cymbal": _metal(rng, 0.25, 0.7, 0.5)}  # fmt: skip
    out = np.zeros(round(duration * SAMPLE_RATE))
    for drum, times in hits.items():
        sound = kit[drum]
        for time in times:
            first = round(time * SAMPLE_RATE)
            part = out[first : first + len(sound)]
            part += sound[: len(part)]
    peak = float(np.abs(out).max())
    return Audio((out * level / (peak or 1.0)).astype(np.float32)[None], SAMPLE_RATE)


def _kick(rng: np.random.Generator) -> Wave:
    low, fall = rng.uniform(42, 65), rng.uniform(0.01, 0.03)
    t = _time(0.5)
    swept = low * t - rng.uniform(60, 220) * fall * np.exp(-t / fall)
    body = np.sin(2 * np.pi * swept) * np.exp(-t / rng.uniform(0.06, 0.18))
    click = rng.uniform(0.02, 0.15) * _noise(rng, t, 1500, 6000) * np.exp(-t / 0.004)
    return _struck(body + click)


def _snare(rng: np.random.Generator) -> Wave:
    t, hertz = _time(0.4), rng.uniform(160, 260)
    shell = np.sin(2 * np.pi * hertz * t) + 0.6 * np.sin(2 * np.pi * 1.6 * hertz * t)
    shell *= rng.uniform(0.2, 0.6) * np.exp(-t / rng.uniform(0.03, 0.08))
    wires = 0.5 * _noise(rng, t, rng.uniform(700, 1500), rng.uniform(7000, 11000))
    return _struck(shell + wires * np.exp(-t / rng.uniform(0.05, 0.12)))


def _tom(rng: np.random.Generator) -> Wave:
    t, hertz = _time(0.6), rng.uniform(85, 200)
    swept = hertz * t - rng.uniform(0.2, 0.5) * hertz * 0.05 * np.exp(-t / 0.05)
    body = np.sin(2 * np.pi * swept) + 0.3 * np.sin(2 * np.pi * 1.5 * swept)
    skin = rng.uniform(0.05, 0.2) * _noise(rng, t, 800, 4000) * np.exp(-t / 0.01)
    return _struck(body * np.exp(-t / rng.uniform(0.1, 0.22)) + skin)


def _metal(rng: np.random.Generator, shortest: float, longest: float, level: float) -> Wave:
    """A hat or a cymbal: bright noise, and partials that are no harmonics."""
    decay = rng.uniform(shortest, longest)
    t = _time(6 * decay)
    sound = _noise(rng, t, rng.uniform(4000, 7000), 15500)
    for hertz in rng.uniform(3500, 11000, 6):
        sound += 0.3 * np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6.28))
    return level * rng.uniform(0.5, 1.0) * _struck(sound * np.exp(-t / decay))


def _time(duration: float) -> Wave:
    return np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(rng: np.random.Generator, t: Wave, low: float, high: float) -> Wave:
    """Return noise between two frequencies, of RMS about 1."""
    from scipy.signal import butter, sosfilt

    band: Any = butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    noise = sosfilt(band, rng.standard_normal(len(t)))
    return np.asarray(noise / (noise.std() + 1e-12))


def _struck(sound: Wave) -> Wave:
    """Return it at a peak of 1, its last tenth faded."""
    fade = np.minimum(1, np.arange(len(sound))[::-1] / (0.1 * len(sound)))
    return np.asarray(sound * fade / np.abs(sound).max())
