"""The specification's two tables of sizes beside what muze's networks count."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from muze.model.autoencoder import AudioVAE
from muze.model.presets import AUTOENCODERS, MODELS
from muze.model.unet import UNet

WANTED_AUTOENCODERS = {
    "8": 55, "32": 56, "64": 125, "128": 224, "128-light": 57, "128-heavy": 889,
}  # fmt: skip
"""Millions of weights (specification, section 2, first table)."""
WANTED_MODELS = {
    "test": (224, 722), "default": (224, 1100), "large": (224, 2800), "xl": (228, 2800),
    "xxl": (228, 6100),
}  # fmt: skip
"""Millions of weights of the autoencoder and of the U-Net (section 2, second table)."""


@dataclass(frozen=True)
class Size:
    """One network of a preset: what it is made of, and its millions of weights."""

    preset: str
    network: str
    shape: str
    wanted: float
    counted: float

    @property
    def off(self) -> float:
        """By how much of what was wanted the count differs."""
        return self.counted / self.wanted - 1


def autoencoder_sizes() -> list[Size]:
    """Return the first table, by latent channels; counted without allocating a weight."""
    return [
        _size(name, "autoencoder", float(wanted)) for name, wanted in WANTED_AUTOENCODERS.items()
    ]


def model_sizes() -> list[Size]:
    """Return the second table, an autoencoder and a U-Net a model; nothing is allocated."""
    return [
        _size(name, network, float(wanted))
        for name, both in WANTED_MODELS.items()
        for network, wanted in zip(("autoencoder", "U-Net"), both, strict=True)
    ]


def _size(name: str, network: str, wanted: float) -> Size:
    if network == "U-Net":
        unet = MODELS[name].unet
        shape = f"{unet.latent_dim} latent channels, model_channels {unet.model_channels}"
        with torch.device("meta"):
            return Size(name, network, shape, wanted, millions(UNet(unet)))
    settings = MODELS[name].autoencoder if name in MODELS else AUTOENCODERS[name]
    shape = f"{settings.latent_dim} latent channels, widths {'-'.join(map(str, settings.channels))}"
    with torch.device("meta"):
        return Size(name, network, shape, wanted, millions(AudioVAE(settings)))


def millions(module: nn.Module) -> float:
    """Return how many million weights a network has."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6
