"""Networks too large for the machine at hand, weighed on the meta device: nothing is allocated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.conditioning import Conditions
from muze.model.unet import UNet, UNetSettings
from muze.pipelines.accounting import counted

TOKENS = 77
"""Tokens a song is told in, about: those of a prompt."""


def count(settings: UNetSettings | AutoencoderSettings) -> int:
    """Return how many weights a U-Net or an autoencoder has."""
    return sum(weight.numel() for weight in _network(settings).parameters())


def unet_step(settings: UNetSettings, batch: int, rows: int, frames: int) -> tuple[int, int]:
    """Return the bytes that a step keeps at once, without and with gradients.

    Of ``batch`` latents (latent_dim, ``rows``, ``frames``).
    """
    with torch.device("meta"):
        told = Conditions(
            vector=torch.empty(batch, settings.vector_dim),
            frames=torch.empty(batch, settings.frames_dim, frames),
            tokens=torch.empty(batch, TOKENS, settings.context_dim),
            tokens_mask=torch.ones(batch, TOKENS, dtype=torch.bool),
            voice=torch.empty(batch, settings.voice_dim) if settings.use_voice_stream else None,
        )
        x, t = torch.empty(batch, settings.latent_dim, rows, frames), torch.empty(batch)
        return _step(_network(settings), x, t, told)


def autoencoder_step(settings: AutoencoderSettings, batch: int, frames: int) -> tuple[int, int]:
    """Return the bytes that a step keeps at once, without and with gradients.

    Of ``batch`` log-mels of so many ``frames``.
    """
    with torch.device("meta"):
        log_mel = torch.empty(batch, settings.mel.num_mels, frames)
        latent = settings.latent_dim, settings.rows, frames // settings.time_stride
        return _step(_network(settings), log_mel, torch.empty(batch, *latent))


def _network(settings: UNetSettings | AutoencoderSettings) -> nn.Module:
    with torch.device("meta"):
        return UNet(settings) if isinstance(settings, UNetSettings) else AudioVAE(settings)


def _step(network: nn.Module, *given: Tensor | Conditions) -> tuple[int, int]:
    with counted() as account:
        made = network.train()(*given)
        first = made[0] if isinstance(made, tuple) else made
        first.square().mean().backward()
    return account.activations, account.at_once
