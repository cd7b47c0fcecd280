"""Curves over time: drawing them on a grid and comparing two of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.core.grid import TimeGrid


def spread(values: float | Sequence[float], grid: TimeGrid) -> NDArray[np.float32]:
    """Return one value held, or several spread evenly over the grid and joined by lines, (1, T)."""
    points = np.atleast_1d(np.asarray(values, float))
    at = (np.arange(grid.frames) + 0.5) / grid.frames * (len(points) - 1)
    return np.asarray(np.interp(at, np.arange(len(points)), points)[None], np.float32)


def smooth(curve: ArrayLike, frames: int) -> NDArray[np.float64]:
    """Return a curve (T,) averaged over ``frames`` frames around each; its ends are held."""
    held = np.pad(np.asarray(curve, float), (frames // 2, frames - 1 - frames // 2), "edge")
    total = np.concatenate([[0.0], np.cumsum(held)])
    return np.asarray((total[frames:] - total[:-frames]) / frames)


def pearson(asked: ArrayLike, heard: ArrayLike) -> float:
    """Return Pearson's correlation of two curves (T,), in [-1, 1]; 0 where one of them is flat."""
    a, b = (np.asarray(x, float) - np.mean(np.asarray(x, float)) for x in (asked, heard))
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b / norm) if norm > 1e-9 else 0.0
