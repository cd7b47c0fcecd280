"""Samples latents: noise denoised in windows, guided by what the song says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from muze.core.errors import ManifestError
from muze.core.grid import Features, TimeGrid
from muze.core.protocols import Sampler
from muze.core.registry import Registry
from muze.data.batch import collate, cut_features
from muze.model.conditioning import Conditions, Drawn
from muze.model.diffusion import guided
from muze.model.windows import Windows
from muze.pipelines.draw import Present
from muze.pipelines.load import Model
from muze.pipelines.plan import Plan
from muze.report import Report

LONGEST = 128
"""Latent frames a window has at most: 10 s of the starter's."""
OVERLAP = 16
"""Latent frames neighbouring windows share at least."""

DrawnSong = Mapping[str, tuple[Features, Present]]


def sample(
    model: Model, drawn: DrawnSong, plan: Plan, registry: Registry, report: Report
) -> Tensor:
    """Return the song's normalised latents (1, C, H, W)."""
    windows = song_windows(model, plan.grid)
    passes = Passes(model, drawn, plan.grid, plan.guidance, negative_of(plan, model), windows)
    cls = registry.get("sampler", plan.sampler.name)
    sampler = cls(cls.Config.model_validate(plan.sampler.config))
    advance = report.task("making music", plan.num_steps)
    with registry.blame(sampler.name, "sample"):
        return passes.sample(
            sampler,
            plan.num_steps,
            plan.seed,
            lambda step: advance(),  # noqa: ARG005  (a sampler counts its own steps)
        )


def song_windows(model: Model, grid: TimeGrid) -> Windows:
    """Return the windows in which a song of this length is denoised."""
    return Windows.over(math.ceil(grid.frames / model.time_stride), LONGEST, OVERLAP)


class Passes:
    """The passes guidance takes, in one batch: given, dropped, and one without each stream."""

    def __init__(
        self,
        model: Model,
        drawn: DrawnSong,
        grid: TimeGrid,
        guidance: Mapping[str, float],
        negative: DrawnSong,
        windows: Windows,
    ) -> None:
        self.denoiser, self.device, self.windows = model.denoiser, model.device, windows
        self.weight = guidance["all"]
        self.weights = {
            name: weight
            for name, weight in guidance.items()
            if name != "all" and weight != 0 and name in drawn
        }
        self.guides = self.weight != 1 or bool(self.weights)
        with torch.no_grad():  # not inference mode: a training may use again what is cached here
            self.told = [
                self._conditions(model, drawn, negative, grid, start, windows.length)
                for start in windows.starts
            ]

    def sample(
        self, sampler: Sampler, num_steps: int, seed: int, step_done: Callable[[int], None]
    ) -> Tensor:
        """Return the song's normalised latents (1, C, H, W), from the noise of a seed."""
        settings, windows = self.denoiser.settings, self.windows
        generator = torch.Generator().manual_seed(seed)
        shape = (1, settings.unet.latent_dim, settings.latent_rows, windows.total)
        noise = torch.randn(shape, generator=generator).to(self.device)

        def denoise(x_t: Tensor, t: float) -> Tensor:
            parts = [
                self.denoise(x_t[..., start : start + windows.length], t, index)
                for index, start in enumerate(windows.starts)
            ]
            return windows.join(parts)

        with torch.no_grad():
            return sampler.sample(
                denoise, noise, settings.diffusion.schedule, num_steps, generator, step_done
            )

    def denoise(self, x_t: Tensor, t: float, window: int) -> Tensor:
        """Return the guided estimate of a window's clean latents."""
        told = self.told[window]
        count = told.vector.shape[0]
        times = torch.full((count,), t, device=x_t.device)
        batch = x_t.expand(count, -1, -1, -1)
        predicted = self.denoiser.unet(batch, times, told)
        diffusion = self.denoiser.settings.diffusion
        if self.guides:
            rows = predicted.split(1)
            without = dict(zip(self.weights, rows[2:], strict=True))
            predicted = guided(rows[0], rows[1], self.weight, without, self.weights)
        return diffusion.to_x0(predicted, x_t, times[:1])

    def _conditions(
        self,
        model: Model,
        drawn: DrawnSong,
        negative: DrawnSong,
        grid: TimeGrid,
        start: int,
        length: int,
    ) -> Conditions:
        first, frames = start * model.time_stride, length * model.time_stride
        rows: list[DrawnSong] = [drawn]
        if self.guides:
            rows.append(negative)
            rows += [{n: d for n, d in drawn.items() if n != name} for name in self.weights]
        batch: dict[str, Drawn] = {}
        for name, stream in model.streams.items():
            cuts = [
                cut_features(
                    {**row[name][0], "present": row[name][1]}, stream.layout, grid, first, frames
                )
                if name in row
                else None
                for row in rows
            ]
            if any(cut is not None for cut in cuts):
                one = collate(cuts, stream.layout, frames)
                batch[name] = Drawn(
                    {k: v.to(model.device) for k, v in one.features.items()},
                    one.present.to(model.device),
                )
        told: Conditions = model.denoiser.conditioning(batch, len(rows), length)
        return told


def negative_of(plan: Plan, model: Model) -> DrawnSong:
    """Draw the negative prompt: what guidance leads away from; without one, from nothing said."""
    if not plan.negative_prompt:
        return {}
    stream: Any = model.streams.get("text")  # Any: a stream's own Values
    if stream is None:
        raise ManifestError("negative_prompt: this model has no text stream to hear it")
    features = stream.parse(stream.Values(prompt=plan.negative_prompt), plan.grid)
    everywhere = features.pop("present", None)
    present = torch.ones(plan.grid.frames, dtype=torch.bool).numpy()
    return {"text": (features, present if everywhere is None else everywhere > 0)}
