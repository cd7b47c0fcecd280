"""The denoiser: a U-Net with the streams it is told, as trained and as sampled."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from muze.core.protocols import Stream
from muze.core.settings import Settings
from muze.model.conditioning import Conditioning, Drawn
from muze.model.diffusion import Diffusion
from muze.model.unet import UNet, UNetSettings


class DenoiserSettings(Settings):
    """What a denoiser is: its U-Net, its streams with their settings, its diffusion."""

    unet: UNetSettings = UNetSettings()
    streams: dict[str, dict[str, object]] = Field(description="Streams and their settings.")
    diffusion: Diffusion = Diffusion()
    guidance: float = Field(7.5, ge=0, description="Guidance of all streams unless a song says.")
    latent_rows: int = Field(1, ge=1, description="Rows H of the latents.")


class Denoiser(nn.Module):
    """Predicts the noise in latents from what the streams say."""

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, settings: DenoiserSettings, streams: Mapping[str, Stream]) -> None:
        super().__init__()
        self.settings = settings
        unet = settings.unet
        self.conditioning = Conditioning(
            {name: stream.encoder() for name, stream in streams.items()},
            unet.vector_dim,
            unet.frames_dim,
            unet.context_dim,
            unet.voice_dim,
        )
        self.unet = UNet(unet)
        shape = (1, unet.latent_dim, settings.latent_rows, 1)
        self.register_buffer("latent_mean", torch.zeros(shape))
        self.register_buffer("latent_std", torch.ones(shape))

    def normalise(self, latents: Tensor) -> Tensor:
        """Autoencoder latents (B, C, H, W) to latents of mean 0 and deviation 1 per channel."""
        return (latents - self.latent_mean) / self.latent_std

    def denormalise(self, latents: Tensor) -> Tensor:
        """Undo ``normalise``."""
        return latents * self.latent_std + self.latent_mean

    def forward(self, x_t: Tensor, t: Tensor, drawn: Mapping[str, Drawn]) -> Tensor:
        """Predict from noisy latents (B, C, H, W) at times (B,), told what was drawn."""
        told = self.conditioning(drawn, x_t.shape[0], x_t.shape[-1])
        out: Tensor = self.unet(x_t, t, told)
        return out
