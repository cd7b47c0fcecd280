"""Several renders of a song, the best of them kept; and figures a render must reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Row = Mapping[str, Any]
"""Of an adherence, as JSON."""


def other_seeds(seed: int, count: int) -> list[int]:
    """Return ``count`` seeds that follow from one, none of them twice."""
    found: list[int] = []
    for number in np.random.default_rng([seed, 4]).integers(2**31, size=8 * count + 8):
        if int(number) != seed and int(number) not in found:
            found.append(int(number))
    return found[:count]


def rank(rows: Sequence[Row]) -> float:
    """Return how well a render does what was asked, 1 at best and 0 by chance.

    Each figure counts as its share of the way from its floor (0 where none is known) to what is
    best: 1 where more is better, else 0. The figures of a stream are averaged, and then the
    streams, so that one that tells many figures counts no more than another. Only what was asked
    for counts; where nothing was, all does. Errors without a floor (in Hz, cents, LU) have no scale
    to stand on and are left out. With nothing to go by, the rank is 0.
    """
    asked = [row for row in rows if row["origin"] == "asked" and progress(row) is not None]
    streams: dict[str, list[float]] = {}
    for row in asked or rows:
        if (share := progress(row)) is not None:
            streams.setdefault(row["stream"], []).append(share)
    means = [float(np.mean(shares)) for shares in streams.values()]
    return float(np.mean(means)) if means else 0.0


def progress(row: Row) -> float | None:
    """Return where a figure lies between its floor, 0, and what is best, 1; None without a scale.

    Worse than chance is below 0.
    """
    floor, value = row["floor"], float(row["value"])
    if row["higher_is_better"]:
        floor = 0.0 if floor is None else float(floor)
        return None if floor >= 1 else (value - floor) / (1 - floor)
    return None if not floor else 1 - value / float(floor)
