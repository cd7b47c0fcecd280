"""Means of figures over songs, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 10_000
"""Resamples of a bootstrap interval."""
Figures = Mapping[str, float]
"""Values by figure, ``stream.name``."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval over ``count`` items."""

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the interval of the mean of ``values`` (Efron 1979; percentiles, seed 0)."""
        array = np.asarray(values, float)
        drawn = np.random.default_rng(0).integers(len(array), size=(ROUNDS, len(array)))
        low, high = np.percentile(array[drawn].mean(axis=1), (2.5, 97.5))
        return cls(float(array.mean()), float(low), float(high), len(array))

    def __str__(self) -> str:
        """Return ``.912 [.880, .940]``, as a cell of a table."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def means(items: Sequence[Figures]) -> dict[str, Interval]:
    """Return each figure's interval over the items that have it."""
    names = dict.fromkeys(name for item in items for name in item)
    return {name: Interval.of([i[name] for i in items if name in i]) for name in names}


def differences(first: Sequence[Figures], second: Sequence[Figures]) -> dict[str, Interval]:
    """Return each figure's mean difference, first less second, item by item (paired bootstrap).

    Items stand at the same place in both; those in which one of the two lacks a figure are left
    out of it.
    """
    pairs = zip(first, second, strict=True)
    return means([{k: a[k] - b[k] for k in a if k in b} for a, b in pairs])
