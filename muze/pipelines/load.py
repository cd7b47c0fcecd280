"""Loads a model folder: its networks, and the streams it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muze.core.errors import MuzeError
from muze.core.protocols import Stream, Vocoder
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_settings, weights_file, whole_header
from muze.pipelines.components import open_streams, settings_of
from muze.pipelines.model_info import model_vocoder
from muze.pipelines.plan import Plan
from muze.pipelines.vocoder_mel import hearing, model_mel


@dataclass
class Model:
    """A model ready to make music."""

    folder: Path
    autoencoder: AudioVAE
    denoiser: Denoiser
    streams: dict[str, Stream]
    device: str

    @property
    def time_stride(self) -> int:
        """Frames of the streams per latent frame."""
        return self.autoencoder.settings.time_stride

    def decode(self, latents: Tensor) -> Tensor:
        """Normalised latents (B, C, H, W) to log-mel (B, num_mels, W * time_stride)."""
        return self.autoencoder.decode(self.denoiser.denormalise(latents))


def choose_device(name: str) -> str:
    """Return the torch device of a name; ``auto`` takes a GPU where there is one.

    Raises:
        MuzeError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(name.partition(":")[0], False):
        raise MuzeError(f"device {name!r} is not on this machine; use cpu or auto")
    return name


def load_model(folder: Path, registry: Registry, device: str) -> Model:
    """Load the autoencoder and the denoiser of a model folder.

    Raises:
        CheckpointError: a file is missing, damaged, or does not fit.
        PluginError: a stream is not installed, or does not take the settings it was trained with.
    """
    about = part_settings(folder, "denoiser", DenoiserSettings)
    streams = open_streams(about.streams, registry)
    autoencoder = AudioVAE(part_settings(folder, "autoencoder", AutoencoderSettings))
    denoiser = Denoiser(about, streams)
    load_part(folder, "autoencoder", autoencoder)
    load_part(folder, "denoiser", denoiser)
    return Model(
        folder,
        autoencoder.eval().to(device),
        denoiser.eval().to(device),
        streams,
        device,
    )


def load_vocoder(plan: Plan, folder: Path, registry: Registry) -> Vocoder:
    """Return the plan's vocoder with its weights, where the model has some for it.

    Raises:
        CheckpointError: its weights are damaged.
    """
    if plan.vocoder is None:
        return open_vocoder(model_vocoder(whole_header(folder)), {}, folder, registry)
    return open_vocoder(plan.vocoder.name, plan.vocoder.config, folder, registry)


def open_vocoder(name: str, settings: dict[str, Any], folder: Path, registry: Registry) -> Vocoder:
    """Return a vocoder by name; the model's own brings its settings and weights.

    Raises:
        CheckpointError: its weights are damaged, or it hears another mel than the model makes.
        PluginError: there is no such vocoder, it does not take the settings, or it needs weights
            and the model has none for it.
    """
    cls = registry.get("vocoder", name)
    own = whole_header(folder).get("parts", {}).get("vocoder")
    weights = None
    if own is not None and own.get("name") == name:
        weights = weights_file(folder, "vocoder")
        settings = {**own["settings"], **settings}
    settings = hearing(cls, settings, model_mel(folder))
    vocoder: Vocoder = cls(settings_of("vocoder", name, cls, settings, registry))
    with registry.blame(name, "load its weights"):
        vocoder.load(weights)
    return vocoder
