"""Breaths of a singer: soft bursts of noise between what is sung."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import RATE, frames_of, hear
from muze.core.grid import Array, Audio, TimeGrid

Mask = NDArray[np.bool_]

WINDOW = 512  # 21 ms at 24 kHz
LOW, MIDDLE, HIGH = (80.0, 800.0), (1000.0, 4000.0), (4000.0, 8000.0)
"""Hz: where a voice is strongest, and the two halves of a breath's band."""
REACH = 150  # frames on either side among which the quietest tell the floor
ABOVE = 8.0  # dB over that floor
SILENT = -75.0  # dB of power in the band, below which nothing is heard
FLAT = 0.45  # flatness of noise, averaged over five frames; a tone's is near 0
DARK = 6.0  # dB by which what lies under the band may exceed it; a note's end does by far more
TILT = 12.0  # dB by which one half of the band may exceed the other: an s is all treble
SHORTEST, LONGEST = 0.08, 0.7  # seconds
GAP = 3  # frames that do not break a breath in two
NEAR = 1.0  # seconds to the nearest voiced frame: a breath belongs to a voice
RISE = 2  # frames; what is loudest sooner after it begins was struck


def find_breaths(audio: Audio, voiced: Mask, grid: TimeGrid) -> NDArray[np.float64]:
    """Return the seconds of the song at which breaths begin, given where a voice sings (T,).

    A breath is unvoiced noise from 1 to 8 kHz, neither struck nor hissed, of 80 to 700 ms, over
    the quietest sound around it, within a second of the voice.
    """
    if not voiced.any():
        return np.zeros(0)
    low, middle, high, flatness = _bands(audio, grid)
    level = np.logaddexp(middle, high)
    over = level - _floor(level)
    decibel = np.log(10) / 10
    noise = ~voiced & (over > ABOVE * decibel) & (level > SILENT * decibel)
    noise &= (flatness > FLAT) & (np.abs(middle - high) < TILT * decibel)
    noise &= level > low - DARK * decibel
    found = []
    for first, last in _runs(noise):
        length = (last - first) / grid.frame_rate
        reach = round(NEAR * grid.frame_rate)
        sung = voiced[max(0, first - reach) : last + reach].any()
        swells = int(level[first:last].argmax()) >= RISE
        if SHORTEST <= length <= LONGEST and sung and swells:
            found.append(grid.start + first / grid.frame_rate)
    return np.asarray(found, float)


def _bands(audio: Audio, grid: TimeGrid) -> tuple[Array, Array, Array, Array]:
    """Return the log power of the three bands and the flatness of the upper two, each (T,)."""
    hop = round(RATE / grid.frame_rate)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    window = np.hanning(WINDOW).astype(np.float32)
    window /= np.sqrt((window**2).sum() * WINDOW / 2)
    inside = [(hertz >= first) & (hertz < last) for first, last in (LOW, MIDDLE, HIGH)]
    parts = []
    for frames in frames_of(hear(audio).samples, WINDOW, hop, grid.frames):
        power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 + 1e-12
        # each half by itself: noise may be darker than it is bright, and is noise still
        flat = np.mean([_flatness(power[:, b]) for b in inside[1:]], axis=0)
        parts.append(np.stack([*(np.log(power[:, b].sum(axis=1)) for b in inside), flat]))
    low, middle, high, flatness = np.concatenate(parts, axis=1).astype(float)
    return low, middle, high, np.convolve(np.pad(flatness, 2, "edge"), np.full(5, 0.2), "valid")


def _flatness(power: Array) -> Array:
    """Geometric over arithmetic mean of each row."""
    return np.asarray(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1))


def _floor(level: Array) -> Array:
    """Return the level that one frame in twenty around each lies under, (T,)."""
    from scipy.ndimage import percentile_filter

    size = min(2 * REACH + 1, 2 * len(level) - 1)
    return np.asarray(percentile_filter(level, 5, size=size, mode="nearest"))


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First frame and one past the last of each run of True, short gaps bridged."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    runs: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if runs and first - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs
