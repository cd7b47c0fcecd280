"""Which octave a pitch lies in: trackers hear the note and mistake the octave most of all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MULTIPLES = np.asarray([0.25, 0.5, 1.0, 2.0, 4.0])
WINDOW = 1024  # samples at 16 kHz: two periods of the lowest pitch, and shorter than a fast note
LONGEST = 512  # samples; the period of 31 Hz
PIECE = 1000  # frames at once; memory stays the same however long the song
# chosen on solo lines of muze-corpus; RPA moves by less than .005 with half or twice of any
PERIOD = 0.06  # what an octave down must be clearer by: a period's double is a period too
TRUST = 0.1  # what any other pitch than the tracker's must be clearer by
LEAP = 1.0  # what a leap of an octave from one frame to the next must be clearer by
# chosen on the same
FIRST = 0.85  # share of the clearest period from which on a shorter one is taken for it
PERIODIC = 0.9  # clearness from which on a frame is voiced though the tracker doubts it


def settle_octaves(
    samples: NDArray[np.float32],
    sample_rate: int,
    times: Array,
    hz: Array,
    sure: Mask,
    lowest: float,
    highest: float,
) -> tuple[Array, Mask]:
    """Return Hz (N,) at ``times``, moved to what the period tells, and where it is voiced.

    The pitch is the tracker's, an octave or two from it, or the first clear period in the
    normalised square difference of the samples (McLeod & Wyvill 2005): what is most periodic along
    the likeliest path through the frames of each voiced stretch (Viterbi). Voiced is where the
    tracker is ``sure``, and where the sound repeats almost exactly.
    """
    near = np.empty((len(hz), len(MULTIPLES) + 1))
    alike, repeats = np.empty(near.shape), np.empty(len(hz))
    for piece, curve in _differences(samples, np.round(times * sample_rate).astype(int)):
        period, repeats[piece] = _first_period(curve)
        near[piece] = np.column_stack([hz[piece, None] * MULTIPLES, sample_rate / period])
        # a tracker may be a quarter tone off
        alike[piece] = np.max(
            [_between(curve, sample_rate / near[piece] * by) for by in np.arange(0.98, 1.03, 0.01)],
            axis=0,
        )
    heard = sure | (repeats >= PERIODIC)
    clear = alike + PERIOD * np.log2(near / hz[:, None])
    clear[:, : len(MULTIPLES)] += TRUST * (MULTIPLES == 1)
    clear[(near < lowest) | (near > highest)] = -9.0
    clear[~heard] = 0.0
    chosen = _path(np.log2(near), clear, heard)
    rows = np.arange(len(hz))
    return near[rows, chosen], sure | (heard & (alike[rows, chosen] >= PERIODIC))


def _path(octaves: Array, clear: Array, heard: Mask) -> NDArray[np.int_]:
    """Return the clearest candidate (N,) of (N, K), leaps within what is heard costing."""
    total, back = clear[0], []
    for t in range(1, len(clear)):
        leaps = np.minimum(np.abs(octaves[t][:, None] - octaves[t - 1]), 1.0)
        reach = total - LEAP * leaps * (heard[t] and heard[t - 1])
        came = reach.argmax(axis=1)
        back.append(came)
        total = reach[np.arange(len(came)), came] + clear[t]
    path = [int(total.argmax())]
    for came in reversed(back):
        path.append(int(came[path[-1]]))
    return np.asarray(path[::-1])


def _differences(
    samples: NDArray[np.float32], centres: NDArray[np.int_]
) -> Iterator[tuple[slice, Array]]:
    """Yield how alike the sound around each centre is after each lag, 1 where it repeats."""
    padded = np.pad(samples, (WINDOW // 2, 2 * WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    lag = np.arange(LONGEST)
    for first in range(0, len(centres), PIECE):
        piece = slice(first, first + PIECE)
        frames = windows[np.minimum(centres[piece], len(windows) - 1)]
        power = np.abs(np.fft.rfft(frames, 2 * WINDOW, axis=1)) ** 2
        alike = np.fft.irfft(power, axis=1)[:, :LONGEST]
        energy = np.pad(np.cumsum(frames.astype(float) ** 2, axis=1), ((0, 0), (1, 0)))
        both = energy[:, -1:] - energy[:, lag] + energy[:, WINDOW - lag]
        yield piece, 2 * alike / np.maximum(both, 1e-9)


def _first_period(curve: Array) -> tuple[Array, Array]:
    """Return the first peak (N,) of rows, nearly as high as the highest, and its height.

    The peak at lag 0, up to where a row first falls below 0, is none; a row without a peak has
    height 0.
    """
    before, here, after = curve[:, :-2], curve[:, 1:-1], curve[:, 2:]
    fell = np.cumsum(here < 0, axis=1) > 0
    peaks = np.where((here >= before) & (here > after) & (here > 0) & fell, here, 0.0)
    enough = np.maximum(FIRST * peaks.max(axis=1, keepdims=True), 1e-9)
    lag = np.argmax(peaks >= enough, axis=1) + 1
    rows = np.arange(len(curve))
    left, top, right = (curve[rows, lag + step] for step in (-1, 0, 1))
    shift = np.clip(0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-12), -1, 1)
    height = np.where(peaks.any(axis=1), top - 0.25 * (left - right) * shift, 0.0)
    return np.maximum(lag + shift, 1.0), height


def _between(curve: Array, at: Array) -> Array:
    """Rows of a curve (N, L) at fractional places (N, K), those beyond its ends at them."""
    inside = np.clip(at, 1, LONGEST - 2)
    below = inside.astype(int)
    low, high = (np.take_along_axis(curve, below + step, axis=1) for step in (0, 1))
    return np.asarray(low + (inside - below) * (high - low))
