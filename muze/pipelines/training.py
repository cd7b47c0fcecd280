"""The training loop every network shares: steps, averaging, checkpoints, exact resume."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import AfterValidator, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from muze.audio.io import write_whole
from muze.core.errors import CheckpointError, MuzeError, first_fault
from muze.core.files import sha256
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.model.checkpoint import save_tensors
from muze.pipelines.load import choose_device
from muze.pipelines.model_info import model_folder
from muze.report import Report

FREE = ("run", "resume", "minutes", "device", "threads", "save_every", "preview_every", "dataset",
        "vae")  # fmt: skip
"""Settings that a resumed run may say anew; what is in the dataset and the autoencoder stays."""

ONCE = ("resume", "minutes")
"""Settings of which a resumed run says its own."""


class LoopSettings(Settings):
    """What every training takes."""

    dataset: Path = Field(description="Dataset to train on, .json or .parquet.")
    run: Path = Field(description="Folder of the run; checkpoints and curves go there.")
    resume: bool = Field(False, description="Go on with the run in the folder.")
    start: str | None = Field(
        None, description="An installed model, or a model's folder, whose weights to start from."
    )
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
    preview_every: int | None = Field(
        None, ge=1, description="Steps from preview to preview; none unless said."
    )
    device: Annotated[str, AfterValidator(choose_device)] = Field(
        "cpu", description="cpu, cuda, mps or auto."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; all unless said.")

    @model_validator(mode="before")
    @classmethod
    def _take_up(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let a resumed run's own settings stand where nothing is said."""
        if not isinstance(data, dict) or not data.get("resume") or not data.get("run"):
            return data
        try:
            text = (Path(data["run"]) / "state" / "state.json").read_text(encoding="utf-8")
            saved = json.loads(text)["settings"]
            kept = {k: v for k, v in saved.items() if k in cls.model_fields and k not in ONCE}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return data  # what is wrong with it is told where the whole state is read
        return {**kept, **data}


def draws(seed: int, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """Return the generators of a step; they depend on nothing but the seed and the step."""
    numbers = np.random.default_rng((seed, step))
    return numbers, torch.Generator().manual_seed(int(numbers.integers(2**62)))


def start_folder(settings: LoopSettings) -> Path | None:
    """Return the folder of the model to start from; None for a run from nothing, or resumed."""
    if settings.start is None or settings.resume:
        return None
    return model_folder(settings.start, Registry(), Path.cwd())


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
    autoencoder_sha256: str | None = None
    """Hash of the autoencoder whose latents it is trained on."""
    begun: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    """What was known at the start and the network's header will tell; saved with the state."""
    step: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the optimiser and the averaged weights, or take them from the run's folder."""
        s = self.settings
        if s.threads:
            torch.set_num_threads(s.threads)
        self.dataset_sha256 = sha256(s.dataset)
        self.model.to(s.device)
        self.averaged = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.trained,
            s.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=s.weight_decay,
            fused=True,  # on a CPU a fifth of the time
        )
        state, old = s.run / "state", s.run / "state.old"
        if old.exists() and not state.exists():
            os.replace(old, state)  # stopped between the two renames of ``save``
        if s.resume:
            self._load(state)
        elif state.exists():
            raise MuzeError(f"{s.run}: holds a run already; say --resume, or name another folder")
        s.run.mkdir(parents=True, exist_ok=True)

    def run(
        self,
        loss_of: Callable[[int], dict[str, Tensor]],
        name: str,
        preview: Callable[[nn.Module, int], None] | None = None,
    ) -> None:
        """Train until the last step, or until the minutes are over.

        ``loss_of(step)`` gives named losses; the one called ``loss`` is minimised.
        ``preview(averaged, step)`` shows what the averaged weights can do; training is the same
        with it and without, and goes on where it raises ``MuzeError``.
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
            if preview and s.preview_every and self.step % s.preview_every == 0:
                self._show(preview, name)
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
        save_tensors({k: v.contiguous() for k, v in tensors.items()}, fresh / "state.safetensors")
        about = {
            "step": self.step,
            "settings": self.settings.model_dump(mode="json"),
            "dataset_sha256": self.dataset_sha256,
            "autoencoder_sha256": self.autoencoder_sha256,
            "begun": self.begun,
            "losses": self.losses,
            "sha256": sha256(fresh / "state.safetensors"),
        }
        write_whole(fresh / "state.json", json.dumps(about).encode())
        shutil.rmtree(old, ignore_errors=True)
        if state.exists():
            os.replace(state, old)
        os.replace(fresh, state)
        shutil.rmtree(old, ignore_errors=True)
        draw_losses(self.losses, folder / "loss.png")

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return what a network's header says of its training."""
        s = self.settings
        hours = self.step * s.batch_size * s.crop_frames / 360_000
        return {"steps": self.step, "hours_heard": round(hours, 2), "seed": s.seed}

    def _show(self, preview: Callable[[nn.Module, int], None], name: str) -> None:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            try:
                preview(self.averaged, self.step)
            except (MuzeError, OSError) as fault:
                self.report.note(f"{name}: no preview of step {self.step}: {fault}")

    def _load(self, state: Path) -> None:
        try:
            about = json.loads((state / "state.json").read_text(encoding="utf-8"))
            self._check_same(about, state)
            told = about.get("sha256")  # an older muze's tells none
            if told is not None and sha256(state / "state.safetensors") != told:
                raise CheckpointError(f"{state}: is damaged; its weights are not those it tells of")
            tensors = load_file(state / "state.safetensors")
            self.model.load_state_dict(_under("model.", tensors))
            self.averaged.load_state_dict(_under("averaged.", tensors))
            self.step, self.losses = int(about["step"]), list(about["losses"])
            if not 0 <= self.step <= self.settings.steps:
                raise ValueError(f"step is {self.step}")
            self.begun = about.get("begun", self.begun)
        except FileNotFoundError:
            raise CheckpointError(f"{state}: there is no run to resume") from None
        except (ValueError, TypeError, KeyError, SafetensorError, RuntimeError) as fault:
            told = shorten(str(fault), 300, placeholder=" ...")
            raise CheckpointError(f"{state}: does not fit this training: {told}") from None
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _under("optimiser.", tensors).items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})

    def _check_same(self, about: dict[str, Any], state: Path) -> None:  # Any: state.json
        """Check that a run goes on as it began; the states of older muzes may say less.

        Raises:
            MuzeError: a setting that decides the weights is another; names both.
        """
        now = self.settings.model_dump(mode="json")
        said = {**about["settings"], **{key: now[key] for key in FREE if key in now}}
        try:
            before = type(self.settings).model_validate(said).model_dump(mode="json")
        except ValidationError as fault:
            told = f"was saved with settings this muze does not know: {first_fault(fault)}"
            raise CheckpointError(f"{state}: {told}") from None
        if self.settings.start is None:  # the run's own weights take its place anyway
            before["start"] = None
        differ = [f"{path} was {a!r} and is {b!r}" for path, a, b in _differing(before, now)]
        if about.get("dataset_sha256", self.dataset_sha256) != self.dataset_sha256:
            differ.append(f"what is in {self.settings.dataset} has changed")
        if "autoencoder_sha256" not in about:  # an older muze's
            old, new = (said.get("vae") for said in (about["settings"], now))
            differ += [f"vae was {old!r} and is {new!r}"] if old != new else []
        elif about["autoencoder_sha256"] != self.autoencoder_sha256:
            differ.append(f"vae is another autoencoder, {now['vae']!r}")
        if differ:
            raise MuzeError(
                f"{self.settings.run}: cannot be resumed: {'; '.join(differ)}; give what it began "
                "with (leave the option out), or start another run in a new folder"
            )

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


def _differing(
    before: dict[str, Any], now: dict[str, Any], under: str = ""
) -> Iterator[tuple[str, Any, Any]]:  # Any: JSON
    """Yield where two settings differ, and how: ``unet.dropout``, the old, the new."""
    for key in dict.fromkeys([*before, *now]):
        old, new, path = before.get(key), now.get(key), f"{under}{key}"
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, f"{path}.")
        elif old != new:
            yield path, old, new


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def draw_losses(losses: list[dict[str, float]], path: Path) -> None:
    """Write a picture of every named loss over the steps, smoothed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", yscale="log")
    names = list(dict.fromkeys(name for row in losses for name in row))
    for name in names:  # some are there in some steps only
        told = [(step, row[name]) for step, row in enumerate(losses, 1) if name in row]
        width = max(1, len(told) // 200)
        steps, values = np.asarray(told)[: len(told) // width * width].T
        axes.plot(steps[width - 1 :: width], values.reshape(-1, width).mean(1))
    axes.legend(names)
    figure.savefig(path)
