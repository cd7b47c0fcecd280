"""Batches of a denoiser's training: crops of latents, noise, times, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from muze.core.grid import TimeGrid
from muze.core.protocols import Stream
from muze.data.conditions import drop_conditions, recall_crops
from muze.data.crops import Crop, cut, draw_crops
from muze.data.store import Record
from muze.data.track import track_grid

if TYPE_CHECKING:
    from muze.pipelines.train_diffusion import TrainingSettings


@dataclass(frozen=True)
class LatentCrops:
    """Some tracks, their latents (C, H, W), and what the streams recall of them."""

    records: Sequence[Record]
    latents: Sequence[np.ndarray]
    streams: Mapping[str, Stream]
    settings: TrainingSettings
    stride: int
    """Mel frames in a latent frame."""

    @cached_property
    def grids(self) -> list[TimeGrid]:
        """The tracks' grids."""
        return [track_grid(record) for record in self.records]

    @cached_property
    def lengths(self) -> list[int]:
        """Mel frames of each track."""
        return [array.shape[2] * self.stride for array in self.latents]

    def cut(self, crops: Sequence[Crop]) -> Tensor:
        """Return the latents of crops (B, C, H, W); they begin and end with a latent frame."""
        stride = self.stride
        inside = [Crop(c.track, c.first // stride, c.frames // stride) for c in crops]
        return torch.from_numpy(cut(self.latents, inside))

    def draw(
        self,
        numbers: np.random.Generator,
        generator: Generator,
        count: int,
        rows: slice,
        dropping: bool,
    ) -> dict[str, Any]:  # Any: tensors, and what streams tell
        """Return some rows of a batch of ``count`` crops: latents, noise, times, what is told.

        With ``dropping`` some conditions are taken away, as the settings say.
        """
        s = self.settings
        crops = draw_crops(self.lengths, count, s.crop_frames, self.stride, numbers)
        told = recall_crops(self.streams, self.records, self.grids, crops, numbers, rows)
        if dropping:
            each = {name: s.drop_streams.get(name, s.drop_each) for name in told}
            odds = s.drop_all, each, s.drop_part
            told = drop_conditions(told, *odds, numbers, rows, count)
        latents = self.cut(crops[rows])
        noise = torch.randn(count, *latents.shape[1:], generator=generator)
        times = s.diffusion.draw_times(count, generator)
        return {"latents": latents, "noise": noise[rows], "times": times[rows], "told": told}
