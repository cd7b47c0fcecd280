"""What a training will take, before it starts: memory, disk, and time.

A few of its steps are done on a handful of its tracks: first on one crop, and then on the whole
batch, where that fits and takes no more than minutes. A network that does not even fit itself is
weighed where nothing is allocated, and not run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import torch

from muze.core.errors import MuzeError
from muze.model.autoencoder import AutoencoderSettings
from muze.model.header import part_of, part_settings, trained_sha256
from muze.model.unet import UNetSettings
from muze.pipelines import on_meta
from muze.pipelines.latents import latents_folder
from muze.pipelines.machine import device_name, memory
from muze.pipelines.out_of_memory import advice, size
from muze.pipelines.train_diffusion import TrainingSettings as DiffusionSettings
from muze.pipelines.training import LoopSettings
from muze.pipelines.trial import FRAME_RATE, GRADIENT, Trial, sample, try_steps
from muze.pipelines.vae_settings import TrainingSettings as VaeSettings
from muze.report import Report

STEPS = 4
"""Steps that are tried; the first does not count."""
FULL = 0.9
"""Share of the free memory that may be needed for a step to be tried."""
LONG = 300.0
"""Seconds that trying the whole batch may take."""
FLOAT = 4  # bytes of a weight


@dataclass(frozen=True)
class Estimate:
    """What a training will take; sizes in bytes, times in seconds."""

    device: str
    weights: int
    trained: int
    memory: dict[str, int]
    """What is in memory, by name; gradients come while activations go."""
    needed: int
    """Memory at the worst moment, but for what an operation needs while it runs."""
    free: int
    checkpoint: int
    disk: int
    """With the checkpoints kept, and the one that is being written."""
    step_seconds: float | None
    """None where no step could be tried."""
    seconds: float | None
    """Of all steps; checkpoints, validations and previews come besides."""
    basis: str
    """What was measured, and what is reckoned from it."""
    advice: str
    """What to lower where the memory that is free is not enough; else nothing."""

    @property
    def fits(self) -> bool:
        """Whether the memory that is free is enough."""
        return self.needed <= self.free


def estimate(what: str, settings: LoopSettings, report: Report) -> Estimate:
    """Return what a training of ``what`` (vae, planner, diffusion, vocoder) will take.

    Raises:
        MuzeError: it cannot be trained so; as the training itself says.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise MuzeError("--estimate is of one process; start it without accelerate launch")
    free, _ = memory(torch.device(settings.device))
    if (network := _network(settings)) is not None:
        weights = on_meta.count(network)
        copies = 2 if _frozen(settings) else 5  # the average; a gradient, and two moments
        if copies * FLOAT * weights > FULL * free:
            told = f"weighed, not run: its {size(FLOAT * weights)} of weights do not fit here"
            return _reckoned(settings, _weighed(settings, network, weights), {}, None, free, told)
    rows = settings.batch_size // settings.accumulate
    advance = report.task("trying steps", 3)
    found = sample(settings)
    advance()
    alone = settings.model_copy(update={"batch_size": 1, "accumulate": 1})
    one = try_steps(what, alone, found.tracks, STEPS)
    advance()
    on_cpu = settings.device == "cpu"  # elsewhere these do not count
    host = {"program": one.program, "latents": _latents(settings, found.seconds)} if on_cpu else {}
    times = rows * settings.accumulate
    most = replace(
        one,
        activations=rows * one.activations,
        at_once=one.at_once + (rows - 1) * one.activations,
        seconds=times * one.seconds,
    )
    scaled = _reckoned(
        settings, most, host, most.seconds, free,
        f"{STEPS - 1} steps of one crop, times {times}; less where it computes many at once",
    )  # fmt: skip
    if times == 1 or scaled.needed > FULL * free or STEPS * most.seconds > LONG:
        return scaled
    whole = try_steps(what, settings, found.tracks, STEPS)
    advance()
    told = f"the median of {STEPS - 1} steps of the whole batch, here and now"
    return _reckoned(settings, whole, host, whole.seconds, free, told)


def _reckoned(
    settings: LoopSettings,
    trial: Trial,
    host: dict[str, int],
    step_seconds: float | None,
    free: int,
    basis: str,
) -> Estimate:
    moments = 2 * GRADIENT * trial.trained
    parts = {
        "weights": trial.stored,
        "averaged weights": trial.stored,
        "optimiser": moments,
        "gradients": GRADIENT * trial.trained,
        "activations": trial.activations,
        **{name: count for name, count in host.items() if count},
    }
    checkpoint = 2 * trial.stored + moments
    needed = checkpoint + trial.at_once + sum(host.values())
    return Estimate(
        device=device_name(torch.device(settings.device)),
        weights=trial.weights,
        trained=trial.trained,
        memory=parts,
        needed=needed,
        free=free,
        checkpoint=checkpoint,
        disk=(settings.keep + 2) * checkpoint,
        step_seconds=step_seconds,
        seconds=None if step_seconds is None else step_seconds * settings.steps,
        basis=basis,
        advice="" if needed <= free else advice(settings),
    )


def _network(settings: LoopSettings) -> UNetSettings | AutoencoderSettings | None:
    """Return the part of the settings that may make a network too large for the machine."""
    if isinstance(settings, DiffusionSettings):
        return settings.unet
    return settings.autoencoder if isinstance(settings, VaeSettings) else None


def _frozen(settings: LoopSettings) -> bool:
    """Whether most weights stay as they are."""
    return isinstance(settings, DiffusionSettings) and (
        settings.lora is not None or settings.freeze != "none"
    )


def _weighed(
    settings: LoopSettings, network: UNetSettings | AutoencoderSettings, weights: int
) -> Trial:
    """Return what a step of a network would take, of which none is done."""
    rows, frames = settings.batch_size // settings.accumulate, settings.crop_frames
    if isinstance(network, AutoencoderSettings):
        activations, at_once = on_meta.autoencoder_step(network, rows, frames)
    else:
        assert isinstance(settings, DiffusionSettings)
        shape = part_settings(settings.vae, "autoencoder", AutoencoderSettings)
        latent_frames = frames // shape.time_stride
        activations, at_once = on_meta.unet_step(network, rows, shape.rows, latent_frames)
    stored = FLOAT * weights
    return Trial(weights, weights, stored, activations, at_once, program=0, seconds=0.0)


def _latents(settings: LoopSettings, seconds: float) -> int:
    """Return the bytes of latents that a denoiser's training holds; those on disk are mapped."""
    if not isinstance(settings, DiffusionSettings):
        return 0
    sha256 = trained_sha256(part_of(settings.vae, "autoencoder"))
    if latents_folder(settings.dataset, sha256).exists():
        return 0
    shape = part_settings(settings.vae, "autoencoder", AutoencoderSettings)
    return int(2 * shape.latent_dim * shape.rows * seconds * FRAME_RATE / shape.time_stride)
