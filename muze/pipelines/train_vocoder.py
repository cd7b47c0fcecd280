"""Trains the Vocos vocoder: mel spectrograms, true or through the autoencoder, to sound."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import soundfile
import torch
from pydantic import Field
from torch import Tensor, nn

from muze.audio.mel import MelSettings, log_mel
from muze.audio.torchaudio_import import torchaudio_import
from muze.core.errors import DatasetError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.data.crops import Crop, draw_crops
from muze.data.store import Dataset, read_dataset
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part, save_part
from muze.model.header import part_of, part_settings, trained_sha256
from muze.model.spectral_loss import log_mel_distance, multi_resolution_stft
from muze.pipelines.preview import Previews
from muze.pipelines.training import Loop, LoopSettings, check_crop, draws, start_folder
from muze.plugins.vocoders.vocos import VocosVocoder
from muze.plugins.vocoders.vocos.network import build
from muze.report import Report

SPECTRA = ((4096, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64))
"""Window and hop of the spectra compared; the longest tells neighbouring low notes apart."""
MOST_FRAMES = 1 << 16  # crops begin anywhere within 11 minutes, as the network counts frames
NUM_SPECTRA = 2  # a step, drawn anew: comparing all of them costs more than the network


class TrainingSettings(LoopSettings):
    """How a vocoder is trained."""

    vocos: VocosVocoder.Config = VocosVocoder.Config()
    vae: Path | None = Field(None, description="Model folder whose autoencoder blurs some mels.")
    rebuilt: float = Field(0.5, ge=0, le=1, description="Share of crops seen through it.")
    stft_weight: float = Field(1.0, ge=0, description="Weight of the multi-resolution STFT loss.")
    mel_weight: float = Field(1.0, ge=0, description="Weight of the log-mel loss.")
    adversarial_from: int | None = Field(
        None, ge=0, description="Step at which discriminators join; never unless said."
    )
    adversarial_weight: float = Field(0.1, ge=0, description="Weight of fooling them.")
    matching_weight: float = Field(0.2, ge=0, description="Weight of matching their features.")


class Duel(nn.Module):
    """A generator and the discriminators it is trained against (Vocos: multi-resolution)."""

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__()
        torchaudio_import()
        from vocos.loss import DiscriminatorLoss, FeatureMatchingLoss, GeneratorLoss

        self.generator = build(settings.vocos)
        self.discriminator = _discriminator() if settings.adversarial_from is not None else None
        self.fool, self.tell = GeneratorLoss(), DiscriminatorLoss()
        self.match = FeatureMatchingLoss()

    def adversarial(self, made: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses of fooling, of matching features, and of the discriminators."""
        judge = self.discriminator
        assert judge is not None
        frozen = {name: value.detach() for name, value in judge.named_parameters()}
        # the generator's gradient passes through the discriminators and leaves them alone
        judged = torch.func.functional_call(judge, frozen, (wanted, made))
        _, fooled, real_maps, made_maps = judged
        real, fake, _, _ = judge(wanted, made.detach())
        share = 1 / len(fooled)
        fooling = self.fool(fooled)[0].sum() * share
        return (
            fooling,
            self.match(real_maps, made_maps).sum() * share,
            self.tell(real, fake)[0].sum() * share,
        )


def train(settings: TrainingSettings, report: Report) -> None:
    """Train a vocoder and write it to ``<run>/vocoder``."""
    dataset = read_dataset(settings.dataset)
    mel = MelSettings()
    lengths = [int(record["duration"] * mel.frame_rate) for record in dataset.tracks]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        model = Duel(settings)
    if (start := start_folder(settings)) is not None:
        load_part(start, "vocoder", model.generator)
    autoencoder = _autoencoder(settings)
    heard_through = None
    if settings.vae is not None and autoencoder is not None:
        check_crop(settings, autoencoder.settings.time_stride)
        heard_through = trained_sha256(part_of(settings.vae, "autoencoder"))
    loop = Loop(model, settings, report, heard_through)

    def losses(step: int) -> dict[str, Tensor]:
        numbers, _ = draws(settings.seed, step + 1)
        crops = draw_crops(lengths, settings.batch_size, settings.crop_frames, 1, numbers)
        wanted = torch.from_numpy(read_crops(dataset, crops, mel)).to(settings.device)
        heard = log_mel(wanted, mel)
        blurred = int((numbers.random(len(crops)) < settings.rebuilt).sum())
        if autoencoder is not None and blurred:
            with torch.no_grad():
                rebuilt = autoencoder.decode(autoencoder.encode(heard[:blurred])[0])
            heard = torch.cat([rebuilt, heard[blurred:]])
        made = model.generator(heard, int(numbers.integers(MOST_FRAMES)))
        drawn = numbers.choice(len(SPECTRA), NUM_SPECTRA, replace=False)
        out = {
            "stft": multi_resolution_stft(made, wanted, [SPECTRA[k] for k in drawn]),
            "mel": log_mel_distance(made, wanted, mel),
        }
        loss = settings.stft_weight * out["stft"] + settings.mel_weight * out["mel"]
        if settings.adversarial_from is not None and step >= settings.adversarial_from:
            fooling, matching, telling = model.adversarial(made, wanted)
            loss = loss + settings.adversarial_weight * fooling
            loss = loss + settings.matching_weight * matching + telling
            out |= {"fooling": fooling, "telling": telling}
        return {"loss": loss, **out}

    previews = Previews(settings, Registry(), report)

    def preview(averaged: nn.Module, step: int) -> None:
        assert isinstance(averaged, Duel)
        crop = previews.crop(lengths, 1)
        heard = log_mel(torch.from_numpy(read_crops(dataset, [crop], mel)).to(settings.device), mel)
        made = averaged.generator(heard)
        audio = Audio(made.cpu().numpy(), mel.sample_rate)
        shown = {"true": heard[0], f"rendered at step {step}": log_mel(made, mel)[0]}
        previews.write(step, audio, shown)

    loop.run(losses, "vocoder", preview)
    averaged = loop.averaged
    assert isinstance(averaged, Duel)
    save_part(
        settings.run / "vocoder",
        "vocoder",
        averaged.generator,
        settings.vocos,
        loop.record(),
        extra={"name": VocosVocoder.name},
    )
    report.note(f"vocoder written to {settings.run / 'vocoder'}")


def read_crops(dataset: Dataset, crops: list[Crop], mel: MelSettings) -> np.ndarray:
    """Return the samples of crops (B, n), read from files at the mel's rate.

    Raises:
        DatasetError: a file is at another rate; resample it first.
    """
    out = np.zeros((len(crops), crops[0].frames * mel.hop_length), np.float32)
    for row, crop in zip(out, crops, strict=True):
        path = dataset.audio(dataset.tracks[crop.track])
        with soundfile.SoundFile(path) as file:
            if file.samplerate != mel.sample_rate:
                raise DatasetError(
                    f"{path}: is at {file.samplerate} Hz; the vocoder trains on files at "
                    f"{mel.sample_rate} Hz"
                )
            file.seek(crop.first * mel.hop_length)
            samples = file.read(len(row), dtype="float32", always_2d=True).mean(axis=1)
        row[: len(samples)] = samples
    return out


def _discriminator() -> nn.Module:
    """Return Vocos's discriminators, their weights normalised in a way that can be copied."""
    from vocos.discriminators import MultiResolutionDiscriminator

    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        judge: nn.Module = MultiResolutionDiscriminator()
    for part in judge.modules():
        if isinstance(part, nn.Conv2d):
            nn.utils.remove_weight_norm(part)
            nn.utils.parametrizations.weight_norm(part)
    return judge


def _autoencoder(settings: TrainingSettings) -> AudioVAE | None:
    if settings.vae is None:
        return None
    model = AudioVAE(part_settings(settings.vae, "autoencoder", AutoencoderSettings))
    load_part(settings.vae, "autoencoder", model)
    return model.eval().to(settings.device)
