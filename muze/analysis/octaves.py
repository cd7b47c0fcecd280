"""Which octave a pitch lies in: trackers hear the note and mistake the octave most of all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MULTIPLES = np.asarray([0.25, 0.5, 1.0, 2.0, 4.0])
WINDOW = 1024  # samples at 16 kHz: two periods of the lowest pitch, and shorter than a fast note
LONGEST = 512  # samples; the period of 31 Hz
PIECE = 1000  # frames at once; memory stays the same however long the song
# chosen on solo lines of muze-corpus; RPA moves by less than .005 with half or twice of any
PERIOD = 0.06  # what an octave down must be clearer by: a period's double is a period too
TRUST = 0.1  # what any other octave than the tracker's must be clearer by
LEAP = 1.0  # what a leap of an octave from one frame to the next must be clearer by


def settle_octaves(
    samples: NDArray[np.float32],
    sample_rate: int,
    times: Array,
    hz: Array,
    voiced: NDArray[np.bool_],
    lowest: float,
    highest: float,
) -> tuple[Array, Array]:
    """Return Hz (N,) at ``times``, each frame moved to the octave its period tells; how clearly.

    The octave is the most periodic one in the normalised square difference of the samples (McLeod
    & Wyvill 2005), along the likeliest path through the frames of each voiced stretch (Viterbi).
    Where the sound repeats exactly after that period, the frame is clear by 1.
    """
    near = hz[:, None] * MULTIPLES
    allowed = (near >= lowest) & (near <= highest)
    alike = _periodicity(samples, np.round(times * sample_rate).astype(int), sample_rate / near)
    clear = alike + PERIOD * np.log2(MULTIPLES) + TRUST * (MULTIPLES == 1)
    clear[~allowed] = -9.0
    clear[~voiced] = 0.0
    octaves = np.log2(near)
    total, back = clear[0], []
    for t in range(1, len(clear)):
        leaps = np.minimum(np.abs(octaves[t][:, None] - octaves[t - 1]), 1.0)
        reach = total - LEAP * leaps * (voiced[t] and voiced[t - 1])
        came = reach.argmax(axis=1)
        back.append(came)
        total = reach[np.arange(len(MULTIPLES)), came] + clear[t]
    path = [int(total.argmax())]
    for came in reversed(back):
        path.append(int(came[path[-1]]))
    octave = path[::-1]
    return np.asarray(hz * MULTIPLES[octave]), alike[np.arange(len(hz)), octave]


def _periodicity(samples: NDArray[np.float32], centres: NDArray[np.int_], periods: Array) -> Array:
    """How alike the sound is after each period (N, K) in samples, 1 where it repeats exactly."""
    padded = np.pad(samples, (WINDOW // 2, 2 * WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    lag = np.arange(LONGEST)
    out = np.empty(periods.shape)
    for first in range(0, len(centres), PIECE):
        piece = slice(first, first + PIECE)
        frames = windows[np.minimum(centres[piece], len(windows) - 1)]
        power = np.abs(np.fft.rfft(frames, 2 * WINDOW, axis=1)) ** 2
        alike = np.fft.irfft(power, axis=1)[:, :LONGEST]
        energy = np.pad(np.cumsum(frames.astype(float) ** 2, axis=1), ((0, 0), (1, 0)))
        both = energy[:, -1:] - energy[:, lag] + energy[:, WINDOW - lag]
        curve = 2 * alike / np.maximum(both, 1e-9)
        found = [
            _between(curve, np.clip(periods[piece] * near, 1, LONGEST - 2))
            for near in (0.98, 0.99, 1.0, 1.01, 1.02)  # a tracker may be a quarter tone off
        ]
        out[piece] = np.max(found, axis=0)
    return out


def _between(curve: Array, at: Array) -> Array:
    """Rows of a curve (N, L) at fractional places (N, K)."""
    below = at.astype(int)
    low, high = (np.take_along_axis(curve, below + step, axis=1) for step in (0, 1))
    return np.asarray(low + (at - below) * (high - low))
