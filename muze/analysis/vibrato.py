"""Vibrato of a voice: how fast and how deep its pitch swings, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Audio, TimeGrid

Curve = NDArray[np.float64]
Mask = NDArray[np.bool_]

RATE = 8000
"""Samples a second at which pitch is refined: three harmonics of any voice lie below 4 kHz."""
HARMONICS = 3
SMOOTHING = 0.025
"""Seconds over which a harmonic is heard; others, 80 Hz or more away, cancel in it."""
FURTHEST = 60.0
"""Cents by which refining may move a pitch; more is another sound than the voice."""

WINDOW = 60
"""Frames in which a swing is looked for: at 100 Hz, two turns of a slow vibrato and a bit."""
STEP = 4
SLOWEST, FASTEST = 3.0, 9.0
"""Hz of what is still vibrato."""
SHALLOWEST, DEEPEST = 6.0, 200.0
"""Cents of what is still vibrato."""
FIT = 0.8
"""Share of a window's movement that one sine must explain, slow glides left out."""


@dataclass(frozen=True)
class Vibrato:
    """At each frame: the rate in Hz, the depth in cents, and whether there is vibrato.

    Depth is the amplitude of the sine: a pitch that swings 30 cents up and 30 down has depth 30.
    """

    rate: Curve
    depth: Curve
    swings: Mask


def find_vibrato(hz: NDArray[np.floating], voiced: Mask) -> Vibrato:
    """Return the vibrato of a pitch (T,) in Hz at 100 frames a second, heard where ``voiced``.

    Windows of 0.6 s that are voiced throughout are fitted with a glide (a parabola) and one sine
    of 3 to 9 Hz. There is vibrato where the sine explains most of what the glide does not.
    """
    none = np.zeros(len(hz))
    starts = _voiced_windows(voiced)
    if not len(starts):
        return Vibrato(none, none.copy(), none > 0)
    cents = 1200 * np.log2(np.where(voiced, hz, 1.0))
    windows = np.lib.stride_tricks.sliding_window_view(cents, WINDOW)[starts]
    glide, rates, sines = _bases()
    left = windows * _weight()
    left = left - left @ glide.T @ glide
    parts = np.einsum("nt,rst->nrs", left, sines[0])
    power = (parts**2).sum(axis=2) / ((left**2).sum(axis=1)[:, None] + 1e-9)
    best = power.argmax(axis=1)
    rows = np.arange(len(best))
    amplitude = np.linalg.norm(np.einsum("nst,nt->ns", sines[1][best], left), axis=1)
    inside = (best > 0) & (best < len(rates) - 1)
    fit = power[rows, best]
    swings = inside & (fit >= FIT) & (amplitude >= SHALLOWEST)
    swings &= amplitude <= DEEPEST
    rate = rates[best] + _peak_shift(power, best) * (rates[1] - rates[0])
    # a window that only half swings fits worse and looks shallower: it counts for less
    trust = ((fit - FIT) / (1 - FIT)) ** 2 + 1e-3
    found = np.stack([trust, trust * rate, trust * amplitude], axis=1)[swings]
    return _over_time(len(hz), starts[swings], found)


def _over_time(frames: int, starts: NDArray[np.int_], found: Curve) -> Vibrato:
    """Average the windows that cover a frame: trust, and by it weighted rate and depth, (N, 3)."""
    sums = np.zeros((3, frames))
    for start, row in zip(starts, found, strict=True):
        sums[:, start : start + WINDOW] += row[:, None] * _weight()
    mean = sums[1:] / np.maximum(sums[0], 1e-12)
    return Vibrato(mean[0], mean[1], sums[0] > 0)


def _voiced_windows(voiced: Mask) -> NDArray[np.int_]:
    """First frame of every window that is voiced throughout, in steps."""
    if len(voiced) < WINDOW:
        return np.zeros(0, int)
    total = np.concatenate([[0], np.cumsum(voiced)])
    whole = total[WINDOW:] - total[:-WINDOW] == WINDOW
    return np.flatnonzero(whole)[::STEP]


def _peak_shift(power: Curve, best: NDArray[np.int_]) -> Curve:
    """Where between its neighbours each row's peak lies, in steps, by a parabola."""
    rows = np.arange(len(best))
    at = np.clip(best, 1, power.shape[1] - 2)
    before, here, after = (power[rows, at + shift] for shift in (-1, 0, 1))
    shift = 0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-12)
    return np.asarray(np.clip(shift, -1, 1), float)


@lru_cache(maxsize=1)
def _weight() -> Curve:
    """Hann weight of a window, without its zeros."""
    return np.asarray(np.hanning(WINDOW + 2)[1:-1], float)


@lru_cache(maxsize=1)
def _bases() -> tuple[Curve, Curve, tuple[Curve, Curve]]:
    """Glides (3, W), orthonormal; the rates tried (R,); sines that hold no glide.

    The sines twice, (R, 2, W): orthonormal, to tell a rate's power; and as least squares has it,
    to tell the amplitude.
    """
    t = (np.arange(WINDOW) + 0.5) / 100
    weight = _weight()
    glide: Curve = np.linalg.qr(np.stack([t**power * weight for power in range(3)], axis=1))[0].T
    rates = np.arange(SLOWEST, FASTEST + 0.05, 0.1)
    angles = 2 * np.pi * rates[:, None] * t
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=1) * weight
    waves = waves - waves @ glide.T @ glide
    columns = waves.transpose(0, 2, 1)
    orthonormal: Curve = np.linalg.qr(columns)[0].transpose(0, 2, 1)
    fitted = np.asarray(np.linalg.pinv(columns), float)
    return glide, np.asarray(rates, float), (orthonormal, fitted)


def refine_pitch(audio: Audio, hz: NDArray[np.floating], voiced: Mask, grid: TimeGrid) -> Curve:
    """Return a tracked pitch (T,) in Hz, corrected by how fast the phase of its harmonics turns.

    A tracker that rounds to the bins it was trained on flattens a shallow vibrato by a third. Each
    harmonic is brought to rest at the tracked pitch; what still turns is the error. Where the
    correction is more than ``FURTHEST`` the tracked pitch is kept.
    """
    import soxr
    from scipy.signal import fftconvolve

    heard = voiced & (hz > 0)
    if not heard.any():
        return np.asarray(hz, float)
    samples = soxr.resample(audio.mono, audio.sample_rate, RATE)
    centres = grid.seconds - grid.start
    at = (np.arange(len(samples)) + 0.5) / RATE
    phase = 2 * np.pi * np.cumsum(np.interp(at, centres[heard], hz[heard])) / RATE
    window = np.hanning(round(SMOOTHING * RATE) // 2 * 2 + 3)[1:-1]
    half = 0.5 / grid.frame_rate
    edges = [np.round((centres + side) * RATE).astype(int) for side in (-half, half)]
    before, after = (np.clip(edge, 0, len(samples) - 1) for edge in edges)
    error, weight = np.zeros(len(hz)), np.full(len(hz), 1e-12)
    for number in range(1, HARMONICS + 1):
        still = fftconvolve(samples * np.exp(-1j * number * phase), window, "same")
        turned = still[after] * still[before].conj()
        loud = np.where(number * hz < 0.45 * RATE, np.abs(turned), 0) * number
        error += loud * np.angle(turned) * grid.frame_rate / (2 * np.pi * number)
        weight += loud
    refined = np.maximum(hz + error / weight, 1e-3)
    moved = 1200 * np.abs(np.log2(refined / np.where(heard, hz, refined)))
    return np.where(heard & (moved <= FURTHEST), refined, hz)
