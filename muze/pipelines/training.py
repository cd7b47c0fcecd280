"""The training loop every network shares: steps, averaging, checkpoints, exact resume."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import AfterValidator, Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from muze.core.errors import CheckpointError, MuzeError
from muze.core.settings import Settings
from muze.pipelines.load import choose_device
from muze.report import Report


class LoopSettings(Settings):
    """What every training takes."""

    dataset: Path = Field(description="Dataset to train on, a dataset.json.")
    run: Path = Field(description="Folder of the run; checkpoints and curves go there.")
    resume: bool = Field(False, description="Go on with the run in the folder.")
    start: str | None = Field(None, description="Folder of a model whose weights to start from.")
    steps: int = Field(10_000, ge=1, description="Steps of the whole run; the rate falls to 0.")
    minutes: float | None = Field(None, gt=0, description="Stop early, to be resumed later.")
    batch_size: int = Field(16, ge=1, description="Crops a step.")
    crop_frames: int = Field(512, ge=8, description="Mel frames a crop; 100 are a second.")
    learning_rate: float = Field(1e-4, gt=0, description="AdamW's rate after the warm-up.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay.")
    warmup: int = Field(200, ge=0, description="Steps over which the rate rises.")
    cooldown: float = Field(0.4, ge=0, le=1, description="Last share of steps, rate falling to 0.")
    ema: float = Field(0.9999, ge=0, lt=1, description="Decay of the averaged weights.")
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient.")
    amp: Literal["off", "bf16"] = Field("off", description="Autocast; bf16 where it is fast.")
    seed: int = Field(0, ge=0, description="Decides data order and noise.")
    save_every: int = Field(500, ge=1, description="Steps from checkpoint to checkpoint.")
    device: Annotated[str, AfterValidator(choose_device)] = Field(
        "cpu", description="cpu, cuda, mps or auto."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; all unless said.")


def draws(seed: int, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """Return the generators of a step; they depend on nothing but the seed and the step."""
    numbers = np.random.default_rng((seed, step))
    return numbers, torch.Generator().manual_seed(int(numbers.integers(2**62)))


def check_crop(settings: LoopSettings, time_stride: int) -> None:
    """Raise ``MuzeError`` unless a crop is a whole number of latent frames."""
    if settings.crop_frames % time_stride:
        raise MuzeError(
            f"crop_frames is {settings.crop_frames}; it must be a multiple of {time_stride}, "
            f"the mel frames in a latent frame"
        )


def rate_at(step: int, settings: LoopSettings) -> float:
    """Return the learning rate of a step: linear warm-up, level, linear cool-down to zero."""
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    left = (settings.steps - step) / max(settings.cooldown * settings.steps, 1)
    return settings.learning_rate * rise * min(1.0, left)


@dataclass
class Loop:
    """A model in training. Its whole state is what ``save`` writes."""

    model: nn.Module
    settings: LoopSettings
    report: Report
    step: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the optimiser and the averaged weights, or take them from the run's folder."""
        s = self.settings
        if s.threads:
            torch.set_num_threads(s.threads)
        self.model.to(s.device)
        self.averaged = copy.deepcopy(self.model).requires_grad_(False)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.trained, s.learning_rate, betas=(0.9, 0.99), weight_decay=s.weight_decay
        )
        state, old = s.run / "state", s.run / "state.old"
        if old.exists() and not state.exists():
            os.replace(old, state)  # stopped between the two renames of ``save``
        if s.resume:
            self._load(state)
        elif state.exists():
            raise MuzeError(f"{s.run}: holds a run already; say --resume, or name another folder")
        s.run.mkdir(parents=True, exist_ok=True)

    def run(self, loss_of: Callable[[int], dict[str, Tensor]], name: str) -> None:
        """Train until the last step, or until the minutes are over.

        ``loss_of(step)`` gives named losses; the one called ``loss`` is minimised.
        """
        s = self.settings
        advance = self.report.task(name, s.steps)
        advance(self.step)
        until = time.monotonic() + 60 * s.minutes if s.minutes else float("inf")
        self.model.train()
        while self.step < s.steps and time.monotonic() < until:
            for group in self.optimiser.param_groups:
                group["lr"] = rate_at(self.step, s)
            with torch.random.fork_rng(devices=[]), self._autocast():
                torch.manual_seed(s.seed + self.step)  # of dropout, so that a resume repeats it
                losses = loss_of(self.step)
            self.optimiser.zero_grad(set_to_none=True)
            losses["loss"].backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.trained, s.clip)
            if not torch.isfinite(norm):
                raise MuzeError(
                    f"{name}: the gradient of step {self.step} is not finite; lower the rate "
                    f"(learning_rate is {s.learning_rate}) and --resume from the last checkpoint"
                )
            self.optimiser.step()
            self.step += 1
            self._average()
            self.losses.append({key: float(value.detach()) for key, value in losses.items()})
            if self.step % s.save_every == 0:
                self.save()
                recent = np.mean([row["loss"] for row in self.losses[-s.save_every :]])
                self.report.note(f"{name}: step {self.step}, loss {recent:.4f}")
            advance()
        self.save()

    def save(self) -> None:
        """Write the whole state and the loss curve; the old state stays until the new is whole."""
        folder = self.settings.run
        fresh, state, old = folder / "state.part", folder / "state", folder / "state.old"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
        save_file({k: v.contiguous() for k, v in tensors.items()}, fresh / "state.safetensors")
        about = {"step": self.step, "settings": self.settings.model_dump(mode="json")}
        text = json.dumps(about | {"losses": self.losses})
        (fresh / "state.json").write_text(text, encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            os.replace(state, old)
        os.replace(fresh, state)
        shutil.rmtree(old, ignore_errors=True)
        draw_losses(self.losses, folder / "loss.png")

    def _load(self, state: Path) -> None:
        try:
            about = json.loads((state / "state.json").read_text(encoding="utf-8"))
            tensors = load_file(state / "state.safetensors")
            self.model.load_state_dict(_under("model.", tensors))
            self.averaged.load_state_dict(_under("averaged.", tensors))
        except FileNotFoundError:
            raise CheckpointError(f"{state}: there is no run to resume") from None
        except (ValueError, SafetensorError, RuntimeError) as fault:
            told = shorten(str(fault), 300, placeholder=" ...")
            raise CheckpointError(f"{state}: does not fit this training: {told}") from None
        self.step, self.losses = about["step"], about["losses"]
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _under("optimiser.", tensors).items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})

    def _average(self) -> None:
        # early averages forget fast, or the random start would stay in them
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(
                self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True
            ):
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.settings.amp == "off":
            return nullcontext()
        return torch.autocast(torch.device(self.settings.device).type, torch.bfloat16)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def draw_losses(losses: list[dict[str, float]], path: Path) -> None:
    """Write a picture of every named loss over the steps, smoothed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", yscale="log")
    width = max(1, len(losses) // 200)
    for name in losses[0] if losses else ():
        values = np.asarray([row[name] for row in losses])[: len(losses) // width * width]
        axes.plot(np.arange(width, len(values) + 1, width), values.reshape(-1, width).mean(1))
    axes.legend(list(losses[0]) if losses else [])
    figure.savefig(path)
