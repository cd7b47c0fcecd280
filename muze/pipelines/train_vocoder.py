"""Trains a vocoder, Vocos or HiFi-GAN: mels, true or through the autoencoder, to sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from muze.audio.mel import log_mel
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.data.store import read_dataset
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part, save_part
from muze.model.duel import Duel, sound_judge
from muze.model.header import part_of, part_settings, trained_sha256
from muze.model.spectral_loss import AUDIBLE, log_mel_distance, multi_resolution_stft
from muze.pipelines.loop import Loop
from muze.pipelines.preview import Previews
from muze.pipelines.sound_crops import Crops, read_crops
from muze.pipelines.training import check_crop, draws, start_folder
from muze.pipelines.validation import VALIDATION_SEED, split
from muze.pipelines.vocoder_mel import check_mels
from muze.pipelines.vocoder_settings import TrainingSettings
from muze.plugins.vocoders.hifigan import network as hifigan_network
from muze.plugins.vocoders.hifigan.network import HifiGanNetwork, folded, normalised
from muze.plugins.vocoders.vocos import network as vocos_network
from muze.report import Report


def train(settings: TrainingSettings, report: Report) -> None:
    """Train a vocoder and write it to ``<run>/vocoder``."""
    dataset, held = split(read_dataset(settings.dataset), settings)
    mel = settings.mel
    crops = Crops(dataset, settings, mel)
    held_crops = Crops(held, settings, mel) if held else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        network = _build(settings)
        judges = {} if settings.adversarial_from is None else settings.discriminators
        model = Duel(network, {name: sound_judge(name) for name in judges})
    if (start := start_folder(settings)) is not None:
        _start_from(start, settings, network)
    if isinstance(network, HifiGanNetwork):
        normalised(network)
    autoencoder = _autoencoder(settings)
    heard_through = None
    if settings.vae is not None and autoencoder is not None:
        check_crop(settings, autoencoder.settings.time_stride)
        heard_through = trained_sha256(part_of(settings.vae, "autoencoder"))
    loop = Loop(model, settings, report, heard_through)
    if autoencoder is not None:
        autoencoder.to(loop.device)

    def draw(step: int, rows: slice) -> dict[str, Any]:  # Any: as Crops.draw
        numbers, _ = draws(settings.seed, step + 1)
        begins = settings.adversarial_from
        dueling = begins is not None and step >= begins
        return crops.draw(numbers, settings.batch_size, rows, dueling)

    def held_out(rows: slice) -> dict[str, Any]:  # Any: as Crops.draw
        assert held_crops is not None
        numbers, _ = draws(VALIDATION_SEED, 0)
        return held_crops.draw(numbers, settings.validation_crops, rows, dueling=False)

    def losses(model: nn.Module, batch: dict[str, Any]) -> dict[str, Tensor]:
        assert isinstance(model, Duel)
        wanted, rebuilt = batch["samples"], batch["rebuilt"]
        heard = log_mel(wanted, mel)
        if autoencoder is not None and rebuilt.any():
            with torch.no_grad():
                seen = autoencoder.decode(autoencoder.encode(heard[rebuilt])[0])
            heard = torch.cat([seen, heard[~rebuilt]])  # the rebuilt come first
        made = model.generator(heard, batch["first"])
        out = {
            "stft": multi_resolution_stft(made, wanted, batch["spectra"], AUDIBLE),
            "mel": log_mel_distance(made, wanted, mel),
        }
        loss = settings.stft_weight * out["stft"] + settings.mel_weight * out["mel"]
        if batch["dueling"]:
            fooling, matching, telling = model.adversarial(made, wanted)
            loss = loss + settings.adversarial_weight * fooling
            loss = loss + settings.matching_weight * matching + telling
            out |= {"fooling": fooling, "matching": matching, "telling": telling}
        return {"loss": loss, **out}

    previews = Previews(settings, Registry(), report)

    def preview(averaged: nn.Module, step: int) -> None:
        assert isinstance(averaged, Duel)
        crop = previews.crop(crops.lengths, 1)
        samples = read_crops(dataset, [crop], mel)
        heard = log_mel(torch.from_numpy(samples).to(loop.device), mel)
        made = averaged.generator(heard)
        audio = Audio(made.cpu().numpy(), mel.sample_rate)
        shown = {"true": heard[0], f"rendered at step {step}": log_mel(made, mel)[0]}
        previews.write(step, audio, shown, lambda: Audio(samples, mel.sample_rate))

    def write(averaged: nn.Module, folder: Path) -> Path:
        assert isinstance(averaged, Duel)
        part, network = folder / "vocoder", averaged.generator
        if isinstance(network, HifiGanNetwork):
            network = folded(network, settings.hifigan)
        about = settings.config, loop.record()
        save_part(part, "vocoder", network, *about, extra={"name": settings.vocoder})
        return part

    loop.run(draw, losses, "vocoder", write, preview, held_out if held else None)


def _build(settings: TrainingSettings) -> nn.Module:
    """Return the generator with fresh weights."""
    if settings.vocoder == "vocos":
        return vocos_network.build(settings.vocos)
    return hifigan_network.build(settings.hifigan)


def _start_from(folder: Path, settings: TrainingSettings, network: nn.Module) -> None:
    if (name := part_of(folder, "vocoder").get("name")) != settings.vocoder:
        raise MuzeError(
            f"{folder}: has a vocoder {name}, and {settings.vocoder} cannot start from its weights"
        )
    load_part(folder, "vocoder", network)


def _autoencoder(settings: TrainingSettings) -> AudioVAE | None:
    if settings.vae is None:
        return None
    shape = part_settings(settings.vae, "autoencoder", AutoencoderSettings)
    check_mels(shape.mel, settings.mel, f"{settings.vae}: ")
    model = AudioVAE(shape)
    load_part(settings.vae, "autoencoder", model)
    return model.eval()
