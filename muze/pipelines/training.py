"""What every training takes, and what decides its steps: numbers, rate, where it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import AfterValidator, Field, field_validator, model_validator

from muze.core.errors import CheckpointError, MuzeError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.model.header import part_of
from muze.pipelines.load import choose_device
from muze.pipelines.model_info import model_folder

FREE = ("run", "resume", "resume_from", "minutes", "device", "threads", "accumulate", "save_every",
        "keep", "preview_every", "validate_every", "validation_crops", "validation_dataset",
        "track", "dataset", "vae", "unet.use_gradient_checkpointing",
        "autoencoder.use_checkpoint")  # fmt: skip
"""Settings that a resumed run may say anew; what is in the dataset and the autoencoder stays."""

ONCE = ("resume", "resume_from", "minutes")
"""Settings of which a resumed run says its own."""


class LoopSettings(Settings):
    """What every training takes."""

    takes_crops: ClassVar[bool] = True
    """Whether ``crop_frames`` means anything; a planner's songs are whole."""

    dataset: Path = Field(description="Dataset to train on, .json or .parquet.")
    max_tracks: int | None = Field(
        None, ge=1, description="How many of its tracks are trained on, the first; all unless said."
    )
    run: Path = Field(description="Folder of the run; checkpoints and curves go there.")
    resume: bool = Field(False, description="Go on with the run in the folder.")
    resume_from: int | None = Field(
        None, ge=1, description="Go on from <run>/checkpoints/<step>; what came after it is lost."
    )
    start: str | None = Field(
        None, description="An installed model, or a model's folder, whose weights to start from."
    )
    steps: int = Field(10_000, ge=1, description="Steps of the whole run; the rate falls to 0.")
    minutes: float | None = Field(None, gt=0, description="Stop early, to be resumed later.")
    batch_size: int = Field(
        16, ge=1, description="Crops a step, of all processes and micro-batches together."
    )
    accumulate: int = Field(
        1, ge=1, description="Micro-batches a step: less memory, and the same losses."
    )
    crop_frames: int = Field(512, ge=8, description="Mel frames a crop; 100 are a second.")
    learning_rate: float = Field(1e-4, gt=0, description="AdamW's rate after the warm-up.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay.")
    warmup: int = Field(200, ge=0, description="Steps over which the rate rises.")
    cooldown: float = Field(0.4, ge=0, le=1, description="Last share of steps, rate falling to 0.")
    ema: float = Field(0.9999, ge=0, lt=1, description="Decay of the averaged weights.")
    clip: float = Field(1.0, gt=0, description="Largest norm of the gradient.")
    amp: Literal["off", "bf16", "fp16"] = Field(
        "off", description="Autocast: bf16 where it is fast; fp16 on a GPU, with scaled losses."
    )
    seed: int = Field(0, ge=0, description="Decides data order and noise.")
    save_every: int = Field(500, ge=1, description="Steps from checkpoint to checkpoint.")
    keep: int = Field(
        0, ge=0, description="How many earlier checkpoints stay, in <run>/checkpoints."
    )
    preview_every: int | None = Field(
        None, ge=1, description="Steps from preview to preview; none unless said."
    )
    validation: float = Field(
        0.0, ge=0, lt=1, description="Share of tracks held out of training, to validate on."
    )
    validation_dataset: Path | None = Field(
        None, description="Dataset to validate on, of tracks that are not trained on."
    )
    validation_crops: int = Field(64, ge=1, description="Crops validated on, always the same.")
    validate_every: int | None = Field(
        None, ge=1, description="Steps from validation to validation; save_every unless said."
    )
    track: tuple[Literal["tensorboard", "wandb"], ...] = Field(
        (), description="Where else figures go: tensorboard, wandb; each an extra of muze."
    )
    device: Annotated[str, AfterValidator(choose_device)] = Field(
        "auto", validate_default=True, description="cpu, cuda, mps, or auto: a GPU if there is."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; all unless said.")

    @model_validator(mode="before")
    @classmethod
    def _take_up(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let a resumed run's own settings stand where nothing is said.

        Raises:
            CheckpointError: there is no run to resume in the folder.
        """
        if not isinstance(data, dict) or not data.get("run"):
            return data
        if data.get("resume_from") is not None:
            data = {**data, "resume": True}
        if not data.get("resume"):
            return data
        folder = state_folder(Path(data["run"]), data.get("resume_from"))
        try:
            text = (folder / "state.json").read_text(encoding="utf-8")
            saved = json.loads(text)["settings"]
            kept = {k: v for k, v in saved.items() if k in cls.model_fields and k not in ONCE}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return data  # what is wrong with it is told where the whole state is read
        parts = {
            name: {**kept[name], **value}
            for name, value in data.items()
            if isinstance(value, dict) and isinstance(kept.get(name), dict) and _is_part(cls, name)
        }
        return {**kept, **data, **parts}

    @field_validator("track")
    @classmethod
    def _check_track(cls, track: tuple[str, ...]) -> tuple[str, ...]:
        for name in track:
            try:
                version(name)
            except PackageNotFoundError:
                raise ValueError(f"{name} is not installed; pip install 'muze[{name}]'") from None
        return track

    @model_validator(mode="after")
    def _check_loop(self) -> LoopSettings:
        if self.amp == "fp16" and self.device == "cpu":
            raise ValueError("amp: fp16 needs a GPU; on cpu say bf16 or off")
        if self.validation and self.validation_dataset:
            raise ValueError("validation and validation_dataset exclude each other; take one out")
        if self.validate_every and not self.validates:
            raise ValueError(
                "validate_every needs tracks to validate on; say validation, a share of the "
                "dataset, or validation_dataset"
            )
        return self

    @property
    def validates(self) -> bool:
        """Whether there are tracks to validate on."""
        return self.validation > 0 or self.validation_dataset is not None


def check_paths(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # Any: as YAML gives it
    """Yield which settings name what is not there, and what is wrong with each."""
    for key in ("dataset", "validation_dataset"):
        if isinstance(path := said.get(key), (str, Path)) and not Path(path).exists():
            yield key, f"{path}: there is no such dataset"
    if isinstance(folder := said.get("vae"), (str, Path)):
        try:
            part_of(Path(folder), "autoencoder")
        except CheckpointError as fault:
            yield "vae", str(fault)


def _is_part(settings: type[LoopSettings], name: str) -> bool:
    """Whether a setting is a model of settings itself, of which some may be said alone."""
    kind = settings.model_fields[name].annotation
    return isinstance(kind, type) and issubclass(kind, Settings)


def state_folder(run: Path, step: int | None = None) -> Path:
    """Return the folder of a run's state: the last, or the earlier one of a ``step``.

    Raises:
        CheckpointError: there is none; says which steps there are.
    """
    if step is None:
        state, old = run / "state", run / "state.old"  # stopped between the renames of a save
        found = state if state.exists() or not old.exists() else old
        if not found.exists():
            raise CheckpointError(f"{found}: there is no run to resume")
        return found
    if (folder := run / "checkpoints" / str(step)).exists():
        return folder
    kept = sorted(int(p.name) for p in (run / "checkpoints").glob("*") if p.name.isdecimal())
    told = f"there are {', '.join(map(str, kept))}" if kept else "the run keeps none (keep)"
    raise CheckpointError(f"{folder}: there is no such checkpoint; {told}")


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
