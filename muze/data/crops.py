"""Crops of a dataset: the same step always draws the same crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import DatasetError


@dataclass(frozen=True)
class Crop:
    """``frames`` frames of track ``track`` from frame ``first`` on."""

    track: int
    first: int
    frames: int


def draw_crops(
    lengths: Sequence[int], count: int, frames: int, every: int, numbers: np.random.Generator
) -> list[Crop]:
    """Return ``count`` crops that start on multiples of ``every``; a longer track is likelier.

    Raises:
        DatasetError: no track is as long as a crop.
    """
    room = np.maximum(np.asarray(lengths) - frames + 1, 0)
    if not room.any():
        raise DatasetError(
            f"no track is as long as a crop of {frames} frames; the longest has {max(lengths)}"
        )
    tracks = numbers.choice(len(lengths), size=count, p=room / room.sum())
    starts = [int(numbers.integers(room[track])) // every * every for track in tracks]
    return [Crop(int(t), start, frames) for t, start in zip(tracks, starts, strict=True)]


def cut(arrays: Sequence[NDArray[Any]], crops: Sequence[Crop]) -> NDArray[np.float32]:
    """Return the crops of (F, T) arrays as one batch (B, F, frames)."""
    return np.stack([arrays[c.track][..., c.first : c.first + c.frames] for c in crops]).astype(
        np.float32
    )
