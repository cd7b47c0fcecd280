"""What a denoiser's loss owes to each stream: told, left out, told another clip's, told alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Interval
from muze.data.conditions import recall_crops
from muze.data.crops import Crop, cut, draw_crops
from muze.data.store import read_dataset
from muze.data.track import track_grid
from muze.model.conditioning import Drawn
from muze.model.denoiser import Denoiser
from muze.pipelines.load import Model
from muze.pipelines.train_diffusion import TrainingSettings, dataset_latents
from muze.report import open_report

TIMES = (0.3, 0.5, 0.7, 0.9)
"""At which the loss is measured, from little noise to much."""
RISES = {
    "left out": ("left out", "told"),
    "another's": ("another's", "told"),
    "nothing told": ("nothing", "alone"),
    "alone, another's": ("alone, another's", "alone"),
}
"""By column: which loss is above which, if a stream is of use."""


@dataclass
class Held:
    """A denoiser and held-out crops with all their records tell: the same noise whatever is told.

    ``x_0`` is (B, C, H, W).
    """

    model: Denoiser
    told: dict[str, Drawn]
    x_0: Tensor

    @cached_property
    def noise(self) -> Tensor:
        """The noise of each crop, shaped as ``x_0``."""
        return torch.randn(self.x_0.shape, generator=torch.Generator().manual_seed(0))

    def predicted(self, told: Mapping[str, Drawn]) -> Tensor:
        """Return what the network predicts at each of ``TIMES``, shape (times, B, C, H, W)."""
        model, diffusion = self.model, self.model.settings.diffusion
        conditions = model.conditioning(told, len(self.x_0), self.x_0.shape[-1])
        times = [torch.full((len(self.x_0),), time) for time in TIMES]
        return torch.stack(
            [model.unet(diffusion.diffuse(self.x_0, self.noise, t), t, conditions) for t in times]
        )

    def losses(self, predicted: Tensor) -> Tensor:
        """Return the loss of each crop, the mean over the times, shape (B,)."""
        target = self.model.settings.diffusion.target
        aims = [target(self.x_0, self.noise, torch.tensor([time])) for time in TIMES]
        return (predicted - torch.stack(aims)).square().mean((0, 2, 3, 4))


def hold(model: Model, dataset: Path, run: TrainingSettings) -> Held:
    """Return one crop of each track of a dataset, as long as those of a training."""
    tracks = read_dataset(dataset).tracks
    with open_report() as report:
        told = run.model_copy(update={"dataset": dataset})
        latents = dataset_latents(told, model.autoencoder, report)
    numbers, stride = np.random.default_rng(0), model.time_stride
    crops = []
    for track, array in enumerate(latents):
        length = array.shape[2] * stride
        one = draw_crops([length], 1, run.crop_frames, stride, numbers)[0]
        crops.append(Crop(track, one.first, one.frames))
    drawn = recall_crops(model.streams, tracks, [track_grid(t) for t in tracks], crops, numbers)
    inside = [Crop(c.track, c.first // stride, c.frames // stride) for c in crops]
    x_0 = model.denoiser.normalise(torch.from_numpy(cut(latents, inside)))
    return Held(model.denoiser, drawn, x_0)


def of_all(held: Held) -> dict[str, list[float]]:
    """Return the loss of each crop told all of its record, and told nothing."""
    with torch.no_grad():
        tellings: dict[str, dict[str, Drawn]] = {"told": held.told, "nothing": {}}
        return {key: held.losses(held.predicted(told)).tolist() for key, told in tellings.items()}


def of_stream(held: Held, name: str) -> dict[str, Any]:
    """Return a stream's losses, one of each crop, and which crops have the stream.

    ``output`` is how far what the network predicts moves when the stream, told alone, tells
    another clip's: root mean square beside that of the prediction.
    """
    own, has = held.told[name], held.told[name].present.any(dim=1)
    other = _of_another(own)
    tellings = {
        "left out": {n: one for n, one in held.told.items() if n != name},
        "another's": {**held.told, name: other},
        "alone": {name: own},
        "alone, another's": {name: other},
    }
    with torch.no_grad():
        outputs = {key: held.predicted(told) for key, told in tellings.items()}
        losses = {key: held.losses(output).tolist() for key, output in outputs.items()}
    alone, misled = (outputs[key][:, has] for key in ("alone", "alone, another's"))
    moved = (misled - alone).square().mean().sqrt() / alone.square().mean().sqrt()
    return {"losses": losses, "has": has.tolist(), "output": float(moved)}


def gradients(held: Held) -> dict[str, float]:
    """Return, by stream, the norm of the loss's gradient over the weights of its encoder.

    Its null, which speaks where the stream does not, is left aside.
    """
    held.losses(held.predicted(held.told)).mean().backward()  # type: ignore[no-untyped-call]
    found = {}
    for name, encoder in held.model.conditioning.encoders.items():
        weights = [w for part, w in encoder.named_parameters() if not part.startswith("null.")]
        squares = [w.grad.square().sum() for w in weights if w.grad is not None]
        found[name] = float(torch.stack(squares).sum().sqrt())
    held.model.zero_grad()
    return found


def rises(losses: Mapping[str, list[float]], has: list[bool]) -> dict[str, Interval]:
    """Return, by column, by how many percent the loss of the crops that have a stream rises."""
    there = {key: np.asarray(values)[has] for key, values in losses.items()}
    return {
        column: Interval.of(100 * (there[worse] - there[better]) / there[better].mean())
        for column, (worse, better) in RISES.items()
    }


def _of_another(one: Drawn) -> Drawn:
    """Return what a stream says with each row told the next one's, of those that have it."""
    has = torch.nonzero(one.present.any(dim=1))[:, 0]
    index = torch.arange(len(one.present))
    index[has] = has.roll(-1)
    return Drawn({name: x[index] for name, x in one.features.items()}, one.present[index])
