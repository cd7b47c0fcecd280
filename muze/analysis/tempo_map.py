"""A tempo map through beats that were heard: few marks, none of the beats missed by much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muze.core.grid import TempoMark

TOLERANCE = 0.02
"""Seconds a beat may lie off the map; listeners place beats no better."""


def tempo_map(beats: Sequence[float], first: int = 0) -> tuple[TempoMark, ...]:
    """Return marks under which every beat is at most 20 ms off; beat 0 is ``beats[first]``.

    Each mark reaches as far as a steady tempo can. Where ``first`` is not 0 the first mark holds
    for the beats before it as well.

    Raises:
        ValueError: there are fewer than two beats from the first on, or they do not rise.
    """
    at = np.asarray(beats[first:], float)
    if len(at) < 2 or (np.diff(at) <= 0).any():
        raise ValueError("a tempo map needs two beats or more, one after the other")
    marks: list[TempoMark] = []
    here = 0
    while here < len(at) - 1:
        there = _reach(at, here)
        bpm = 60.0 * (there - here) / (at[there] - at[here])
        marks.append(TempoMark(float(here), round(float(bpm), 4)))
        here = there
    return tuple(marks)


def _reach(at: np.ndarray, here: int) -> int:
    """Return the last beat to which a straight line from beat ``here`` misses none between."""
    slowest, fastest, best = 0.0, np.inf, here + 1
    for there in range(here + 1, len(at)):
        period = (at[there] - at[here]) / (there - here)
        if slowest <= period <= fastest:
            best = there
        slowest = max(slowest, (at[there] - TOLERANCE - at[here]) / (there - here))
        fastest = min(fastest, (at[there] + TOLERANCE - at[here]) / (there - here))
        if slowest > fastest:
            break
    return best
