"""Trains the autoencoder (phase 1): mel spectrograms to latents and back."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from muze.core.registry import Registry
from muze.data.crops import cut, draw_crops
from muze.data.mels import dataset_mels
from muze.data.store import read_dataset
from muze.model.autoencoder import (
    AudioVAE,
    AutoencoderSettings,
    kl_divergence,
    reconstruction_loss,
)
from muze.model.checkpoint import load_part, save_part
from muze.pipelines.preview import Previews
from muze.pipelines.training import Loop, LoopSettings, check_crop, draws, start_folder
from muze.report import Report


class TrainingSettings(LoopSettings):
    """How an autoencoder is trained."""

    autoencoder: AutoencoderSettings = AutoencoderSettings()
    kl_weight: float = Field(1e-4, ge=0, description="Beta: weight of the KL divergence.")
    linear_start: bool = Field(False, description="Start from principal components of the data.")

    @model_validator(mode="after")
    def _check_start(self) -> TrainingSettings:
        if self.linear_start and not self.autoencoder.can_start_linear:
            raise ValueError(
                "linear_start needs an autoencoder of one level, with a patch as high as the mel, "
                "and channels from latent_dim up to the size of the patch"
            )
        if self.linear_start and self.start:
            raise ValueError("linear_start and start exclude each other; take one of them out")
        return self


def train(settings: TrainingSettings, report: Report) -> None:
    """Train an autoencoder and write it to ``<run>/autoencoder``."""
    check_crop(settings, settings.autoencoder.time_stride)
    dataset = read_dataset(settings.dataset)
    mels = dataset_mels(dataset, settings.autoencoder.mel, settings.run.parent / "mels", report)
    lengths = [mel.shape[1] for mel in mels]
    numbers, _ = draws(settings.seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        model = AudioVAE(settings.autoencoder)
    if settings.linear_start and not settings.resume:
        count = min(40_000, sum(lengths))
        sample = draw_crops(lengths, count, settings.autoencoder.time_stride, 1, numbers)
        model.start_linear(torch.from_numpy(cut(mels, sample)))
    if (start := start_folder(settings)) is not None:
        load_part(start, "autoencoder", model)
    loop = Loop(model, settings, report)

    def losses(step: int) -> dict[str, torch.Tensor]:
        numbers, generator = draws(settings.seed, step + 1)
        crops = draw_crops(lengths, settings.batch_size, settings.crop_frames, 1, numbers)
        log_mel = torch.from_numpy(np.ascontiguousarray(cut(mels, crops))).to(settings.device)
        made, mean, log_variance = model(log_mel, generator)
        rebuilt = reconstruction_loss(made.float(), log_mel, settings.autoencoder)
        kl = kl_divergence(mean.float(), log_variance.float())
        return {"loss": rebuilt + settings.kl_weight * kl, "reconstruction": rebuilt, "kl": kl}

    previews = Previews(settings, Registry(), report)

    def preview(averaged: nn.Module, step: int) -> None:
        assert isinstance(averaged, AudioVAE)
        crop = previews.crop(lengths, settings.autoencoder.time_stride)
        log_mel = torch.from_numpy(cut(mels, [crop])).to(settings.device)
        made = averaged.decode(averaged.encode(log_mel)[0])
        audio = previews.hear(made[0], settings.autoencoder.mel)
        previews.write(step, audio, {"true": log_mel[0], f"rebuilt at step {step}": made[0]})

    loop.run(losses, "autoencoder", preview)
    save_part(
        settings.run / "autoencoder",
        "autoencoder",
        loop.averaged,
        settings.autoencoder,
        loop.record(),
    )
    report.note(f"autoencoder written to {settings.run / 'autoencoder'}")
