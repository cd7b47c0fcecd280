"""Where a section ends and the next begins, among the bar lines of a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muze.analysis.bars import Array, Bars

CUES = ("change of 2 bars", "change of 4 bars", "peak", "repeats", "peak of repeats", "fill")
WEIGHTS = (1.5, 0.5, 1.9, 5.7, 5.3, 4.0)
BIAS = -7.8
"""Log-odds of a border, fitted by ``benchmarks/train_segments.py`` on training songs."""

ODD, UNEVEN, SINGLE = 1.0, 0.3, 2.0
"""Log-odds lost by a section of an odd number of bars, of one not of fours, of a single bar."""
SHORT, SHORT_WEIGHT = 5.0, 1.0
"""Seconds below which each missing one costs that much."""
LONGEST = 64  # bars
EAGER = 1.5  # log-odds added to every border, since lengths only take away

NEAREST, MOST = 0.1, 100  # share of the bars, and number, that a bar may repeat
LEAST = 0.4  # of 3, the likeness of bars that differ alike in timbre, rhythm and notes
FARTHEST = 512  # bars; a song repeats nothing that is farther away
BLUR = (0.5, 0.8)  # of repeats: bars of lag, bars of time (Serra et al. 2014)
ROWS = 256  # bars compared with others at once; memory stays small however long the song


def find_borders(bars: Bars) -> tuple[list[int], NDArray[np.float64]]:
    """Return the bars with which a section begins, the first left out, and all probabilities.

    The latter, (n,), tell of each bar whether one begins with it, by itself. The sections are those
    whose borders and lengths are likeliest together, by dynamic programming.
    """
    logits = border_cues(bars) @ np.asarray(WEIGHTS) + BIAS
    return likeliest(logits, bars.lines), 1 / (1 + np.exp(-logits))


def border_cues(bars: Bars) -> NDArray[np.float64]:
    """Return the cues of a border before each bar, shape (n, 6); those of the first bar are 0.

    ``change``: how the bars before differ in timbre and rhythm from those after (Foote 2000, with
    the means of the checkerboard's squares). ``repeats``: how what is repeated, and how far away,
    changes (Serra et al. 2014). ``peak``: by how much more than around. ``fill``: how the last half
    of the bar before differs from earlier ones.
    """
    sound = np.concatenate([bars.timbre, bars.rhythm])
    near, far = _change(sound, 2), _change(sound, 4)
    repeats = _change_of_repeats(np.concatenate([sound, bars.notes]))
    cues = [near, far, _peak(near, 2), repeats, _peak(repeats, 1), _fill(bars)]
    out = np.stack(cues, axis=1)
    out[0] = 0
    return np.asarray(out, float)


def likeliest(logits: NDArray[np.float64], lines: NDArray[np.float64]) -> list[int]:
    """Return the borders of the likeliest division, given the log-odds of each (n,)."""
    count = len(logits)
    lengths = np.arange(LONGEST + 1)
    cost = np.where(lengths % 2 == 1, ODD, np.where(lengths % 4 == 0, 0.0, UNEVEN))
    cost[1] += SINGLE
    best, came = np.zeros(count + 1), np.zeros(count + 1, int)
    for end in range(1, count + 1):
        start = np.arange(max(0, end - LONGEST), end)
        missing = np.maximum(0, SHORT - (lines[end] - lines[start]))
        total = best[start] - cost[end - start] - SHORT_WEIGHT * missing
        came[end] = start[total.argmax()]
        best[end] = total.max() + (logits[end] + EAGER if end < count else 0.0)
    borders: list[int] = []
    here = int(came[count])
    while here > 0:
        borders.append(here)
        here = int(came[here])
    return borders[::-1]


def _change(x: Array, reach: int) -> NDArray[np.float64]:
    total = np.pad(np.cumsum(x, axis=1, dtype=float), ((0, 0), (1, 0)))
    count = x.shape[1]
    at = np.arange(1, count)
    first, last = np.maximum(0, at - reach), np.minimum(count, at + reach)
    before = (total[:, at] - total[:, first]) / (at - first)
    after = (total[:, last] - total[:, at]) / (last - at)
    return np.concatenate([[0.0], ((before - after) ** 2).sum(axis=0) / 2])


def _peak(curve: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    padded = np.pad(curve, reach)
    around = [
        padded[reach + s : reach + s + len(curve)] for s in range(-reach, reach + 1) if s != 0
    ]
    return np.asarray(curve - np.max(around, axis=0))


def _change_of_repeats(x: Array) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    lags = gaussian_filter(_repeats(x).astype(np.float32), BLUR, mode="constant")
    change = np.linalg.norm(np.diff(lags, axis=1), axis=0)
    usual = float(np.linalg.norm(lags, axis=0).mean())
    return np.concatenate([[0.0], change / (usual + 0.1)])


def _repeats(x: Array) -> NDArray[np.bool_]:
    """Whether a bar and the one ``lag`` later are each among the other's nearest, (lags, n).

    Lags go from -(m - 1) to m - 1. ``librosa.segment.recurrence_matrix`` keeps as many neighbours
    by their place in the song, not by how near they are, and cannot stop at a distance.
    """
    count = x.shape[1]
    reach = min(count, FARTHEST)
    wanted = min(MOST, max(2, int(np.ceil(NEAREST * count))))
    near = np.zeros((count, 2 * reach - 1), bool)
    for top in range(0, count, ROWS):
        rows = np.arange(top, min(count, top + ROWS))
        first, last = max(0, top - reach + 1), min(count, top + ROWS + reach - 1)
        # rounded, or bars that repeat alike would be told apart by how a processor adds
        likeness = (x[:, rows].T.astype(float) @ x[:, first:last]).round(5)
        lag = np.arange(first, last)[None] - rows[:, None]
        likeness[(lag == 0) | (np.abs(lag) >= reach)] = -np.inf
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :wanted]
        likely = np.take_along_axis(likeness, order, axis=1) > LEAST
        row = np.broadcast_to(rows[:, None], order.shape)
        near[row[likely], np.take_along_axis(lag, order, axis=1)[likely] + reach - 1] = True
    back = np.zeros_like(near)
    for far in range(-reach + 1, reach):
        at = np.arange(max(0, -far), min(count, count - far))
        back[at, far + reach - 1] = near[at + far, -far + reach - 1]
    return np.asarray((near & back).T)


def _fill(bars: Bars) -> NDArray[np.float64]:
    half = bars.onsets[:, :, bars.onsets.shape[2] // 2 :].reshape(bars.count, -1)
    usual = float(np.linalg.norm(bars.onsets.reshape(bars.count, -1), axis=1).mean()) + 1e-9
    out = np.zeros(bars.count)
    for bar in range(2, bars.count):
        out[bar] = np.linalg.norm(half[bar - 1] - half[max(0, bar - 5) : bar - 1].mean(axis=0))
    return out / usual
