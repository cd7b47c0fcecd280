"""Loads a model folder: its networks, and the streams it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from muze.core.errors import CheckpointError, MuzeError
from muze.core.protocols import Stream, Vocoder
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_of, part_settings, read_header, sha256
from muze.pipelines.plan import Plan


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
        CheckpointError: a file is missing, damaged, or does not fit; a stream's settings are wrong.
    """
    about = part_settings(folder, "denoiser", DenoiserSettings)
    streams: dict[str, Stream] = {}
    for name, config in about.streams.items():
        cls = registry.get("stream", name)
        try:
            streams[name] = cls(cls.Config.model_validate(config))
        except ValidationError as fault:
            raise CheckpointError(
                f"{folder}: its settings of stream {name!r} do not fit the installed one "
                f"({registry.version(name)}): {fault.errors()[0]['msg']}"
            ) from None
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
    assert plan.vocoder is not None
    return open_vocoder(plan.vocoder.name, plan.vocoder.config, folder, registry)


def open_vocoder(
    name: str, settings: dict[str, Any], folder: Path, registry: Registry
) -> Vocoder:
    """Return a vocoder by name; the model's own brings its settings and weights."""
    cls = registry.get("vocoder", name)
    own = read_header(folder).get("parts", {}).get("vocoder")
    weights = None
    if own is not None and own["name"] == name:
        about = part_of(folder, "vocoder")
        weights = folder / Path(about["file"]).name
        if not weights.exists() or sha256(weights) != about["sha256"]:
            raise CheckpointError(f"{weights}: is missing, damaged or was changed")
        settings = {**about["settings"], **settings}
    vocoder: Vocoder = cls(cls.Config.model_validate(settings))
    with registry.blame(name, "load its weights"):
        vocoder.load(weights)
    return vocoder
