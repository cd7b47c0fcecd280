"""Trains the autoencoder (phase 1): mel spectrograms to latents and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, nn

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.data.crops import cut, draw_crops
from muze.data.mels import dataset_mels
from muze.data.store import read_dataset
from muze.model.autoencoder import AudioVAE
from muze.model.checkpoint import load_part, save_part
from muze.model.duel import Duel
from muze.model.patch_discriminator import PatchDiscriminator
from muze.pipelines.loop import Loop
from muze.pipelines.preview import Previews
from muze.pipelines.processes import main_first
from muze.pipelines.training import check_crop, draws, start_folder
from muze.pipelines.vae_losses import VaeLosses
from muze.pipelines.vae_settings import TrainingSettings
from muze.pipelines.validation import VALIDATION_SEED, split
from muze.report import Report


@dataclass(frozen=True)
class Crops:
    """The spectrograms of some tracks, (num_mels, T) each, of which crops are drawn."""

    mels: Sequence[NDArray[np.float16]]
    settings: TrainingSettings

    @property
    def lengths(self) -> list[int]:
        """Mel frames of each track."""
        return [mel.shape[1] for mel in self.mels]

    def draw(
        self,
        numbers: np.random.Generator,
        generator: Generator,
        count: int,
        rows: slice,
        dueling: bool,
    ) -> dict[str, Any]:  # Any: tensors and numbers
        """Return some rows of a batch of ``count`` crops, and the noise of their latents.

        Also the frame from which on they are heard, and whether the discriminator joins.
        """
        s, shape = self.settings, self.settings.autoencoder
        crops = draw_crops(self.lengths, count, s.crop_frames, 1, numbers)
        frames = s.crop_frames // shape.time_stride
        noise = torch.randn(count, shape.latent_dim, shape.rows, frames, generator=generator)
        return {
            "log_mel": torch.from_numpy(cut(self.mels, crops[rows])),
            "noise": noise[rows],
            "first": int(numbers.integers(max(s.crop_frames - s.audio_frames, 0) + 1)),
            "dueling": dueling,
        }


def train(settings: TrainingSettings, report: Report) -> None:
    """Train an autoencoder and write it to ``<run>/autoencoder``."""
    shape = settings.autoencoder
    check_crop(settings, shape.time_stride)
    dataset, held = split(read_dataset(settings.dataset), settings)
    cache = settings.run.parent / "mels"
    with main_first(settings):
        crops = Crops(dataset_mels(dataset, shape.mel, cache, report), settings)
        held_crops = Crops(dataset_mels(held, shape.mel, cache, report), settings) if held else None
    numbers, _ = draws(settings.seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        network, judges = AudioVAE(shape), {}
        if settings.adversarial_from is not None:
            judges["patch"] = PatchDiscriminator(settings.discriminator_channels)
        model = Duel(network, judges)
    if settings.linear_start and not settings.resume:
        sample = draw_crops(
            crops.lengths, min(40_000, sum(crops.lengths)), shape.time_stride, 1, numbers
        )
        network.start_linear(torch.from_numpy(cut(crops.mels, sample)))
    if (start := start_folder(settings)) is not None:
        load_part(start, "autoencoder", network)
    losses = VaeLosses(settings)
    loop = Loop(model, settings, report, begun={"vocoder_sha256": losses.vocoder_sha256})
    if loop.begun.get("vocoder_sha256") != losses.vocoder_sha256:
        raise MuzeError(
            f"{settings.run}: cannot be resumed: vocoder {settings.vocoder!r} has other weights "
            "than it began with"
        )
    if losses.vocoder is not None:
        losses.vocoder.to(loop.device)

    def draw(step: int, rows: slice) -> dict[str, Any]:  # Any: as Crops.draw
        begins = settings.adversarial_from
        dueling = begins is not None and step >= begins
        return crops.draw(*draws(settings.seed, step + 1), settings.batch_size, rows, dueling)

    def held_out(rows: slice) -> dict[str, Any]:  # Any: as Crops.draw
        assert held_crops is not None
        count = settings.validation_crops
        return held_crops.draw(*draws(VALIDATION_SEED, 0), count, rows, dueling=False)

    previews = Previews(settings, Registry(), report)

    def preview(averaged: nn.Module, step: int) -> None:
        mean = autoencoder_of(averaged)
        crop = previews.crop(crops.lengths, shape.time_stride)
        log_mel = torch.from_numpy(cut(crops.mels, [crop])).to(loop.device)
        made = mean.decode(mean.encode(log_mel)[0])
        audio = previews.hear(made[0], shape.mel)
        both = {"true": log_mel[0], f"rebuilt at step {step}": made[0]}
        previews.write(step, audio, both, lambda: previews.hear(log_mel[0], shape.mel))

    def write(averaged: nn.Module, folder: Path) -> Path:
        part = folder / "autoencoder"
        save_part(part, "autoencoder", autoencoder_of(averaged), shape, loop.record())
        return part

    loop.run(draw, losses, "autoencoder", write, preview, held_out if held else None)


def autoencoder_of(model: nn.Module) -> AudioVAE:
    """Return the autoencoder of what is trained."""
    assert isinstance(model, Duel)
    assert isinstance(model.generator, AudioVAE)
    return model.generator
