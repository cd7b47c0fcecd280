"""Features of several crops or windows, put together for the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from muze.core.grid import Features, TimeGrid
from muze.core.protocols import Layout
from muze.model.conditioning import Drawn


def collate(rows: Sequence[Features | None], layout: Mapping[str, Layout], frames: int) -> Drawn:
    """Return one stream's features for a batch; None stands for a row that does not have it.

    An array ``present`` (T,) tells the frames a row speaks of; without it, all of them. Token
    lists are padded to the longest, and ``<name>_mask`` tells which tokens are real.
    """
    sample = next((row for row in rows if row is not None), None)
    present = np.zeros((len(rows), frames), bool)
    for index, row in enumerate(rows):
        if row is not None:
            present[index] = np.asarray(row.get("present", np.ones(frames))) > 0
    batch: dict[str, Tensor] = {}
    for name, kind in layout.items():
        if sample is None or name not in sample:
            continue
        arrays = [None if row is None else np.asarray(row[name], np.float32) for row in rows]
        if kind == "tokens":
            batch |= _padded(name, arrays, sample[name].shape[1:])
        else:
            empty = np.zeros_like(sample[name], np.float32)
            stacked = np.stack([empty if array is None else array for array in arrays])
            batch[name] = torch.from_numpy(stacked)
    return Drawn(batch, torch.from_numpy(present))


def _padded(
    name: str, arrays: Sequence[np.ndarray | None], shape: tuple[int, ...]
) -> dict[str, Tensor]:
    longest = max(1, *(0 if array is None else len(array) for array in arrays))
    padded = np.zeros((len(arrays), longest, *shape), np.float32)
    mask = np.zeros((len(arrays), longest), bool)
    for index, array in enumerate(arrays):
        if array is not None:
            padded[index, : len(array)] = array
            mask[index, : len(array)] = True
    return {name: torch.from_numpy(padded), f"{name}_mask": torch.from_numpy(mask)}


def cut_features(
    features: Features, layout: Mapping[str, Layout], grid: TimeGrid, first: int, frames: int
) -> Features:
    """Return the part of a song's features that a window sees, of exactly ``frames`` frames.

    Beyond the song's end the last frame is repeated. Of tokens with spans, those that overlap the
    window are kept.
    """
    index = np.minimum(np.arange(first, first + frames), grid.frames - 1)
    start = grid.start + first / grid.frame_rate
    end = grid.start + (first + frames) / grid.frame_rate
    out: Features = {}
    for name, kind in layout.items():
        if name not in features:
            continue
        array = features[name]
        span = features.get(f"{name.removesuffix('_span')}_span")
        if kind == "frames":
            out[name] = array[..., index]
        elif kind == "tokens" and span is not None:
            out[name] = array[(span[:, 0] < end) & (span[:, 1] > start)]
        else:
            out[name] = array
    if "present" in features:
        out["present"] = features["present"][index]
    return out
