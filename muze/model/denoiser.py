"""The denoiser: a U-Net with the streams it is told, as trained and as sampled."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from muze.core.errors import CheckpointError
from muze.core.protocols import Stream
from muze.core.settings import Settings
from muze.model.blocks import VoiceStreamAttention
from muze.model.conditioning import Conditioning, Drawn
from muze.model.diffusion import Diffusion
from muze.model.unet import UNet, UNetSettings


class DenoiserSettings(Settings):
    """What a denoiser is: its U-Net, its streams with their settings, its diffusion."""

    unet: UNetSettings = UNetSettings()
    streams: dict[str, dict[str, object]] = Field(description="Streams and their settings.")
    diffusion: Diffusion = Diffusion()
    guidance: float = Field(7.5, ge=0, description="Guidance of all streams unless a song says.")
    added: tuple[str, ...] = Field((), description="Streams that came after the first training.")
    latent_rows: int = Field(1, ge=1, description="Rows H of the latents.")

    @model_validator(mode="after")
    def _check_added(self) -> DenoiserSettings:
        if strange := [name for name in self.added if name not in self.streams]:
            raise ValueError(f"added names {strange[0]}, which is none of its streams")
        return self


class Denoiser(nn.Module):
    """Predicts the noise in latents from what the streams say."""

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, settings: DenoiserSettings, streams: Mapping[str, Stream]) -> None:
        super().__init__()
        self.settings = settings
        unet = settings.unet
        for name, stream in streams.items():
            self._check_hears(name, stream)
        first = {name: stream for name, stream in streams.items() if name not in settings.added}
        self.conditioning = Conditioning(
            {name: stream.encoder() for name, stream in first.items()},
            unet.vector_dim,
            unet.frames_dim,
            unet.context_dim,
            unet.voice_dim,
        )
        self.unet = UNet(unet)
        for name in settings.added:
            self.add_stream(name, streams[name])
        shape = (1, unet.latent_dim, settings.latent_rows, 1)
        self.register_buffer("latent_mean", torch.zeros(shape))
        self.register_buffer("latent_std", torch.ones(shape))

    def add_stream(self, name: str, stream: Stream) -> None:
        """Wire one more stream in; what the denoiser computes stays the same.

        Raises:
            CheckpointError: it enters where this denoiser does not listen, or cannot be silenced.
        """
        self._check_hears(name, stream)
        try:
            self.conditioning.add_stream(name, stream.encoder())
        except ValueError as fault:
            raise CheckpointError(str(fault)) from None
        if "frames" in stream.injects():
            self.unet.add_frames(name, stream.injects()["frames"])

    def brought_by(self, name: str) -> list[nn.Parameter]:
        """Return the weights that a stream added later brought."""
        found = self.conditioning.weights_of(name)
        if name in self.unet.added:
            found += self.unet.added[name].parameters()
        if next(iter(self.conditioning.voice_in), None) == name:  # nobody was heard there before
            attentions = [m for m in self.unet.modules() if isinstance(m, VoiceStreamAttention)]
            found += [weight for module in attentions for weight in module.parameters()]
        return found

    def hearing_voices(self) -> list[str]:
        """Return the names of the weights by which it attends to a voice."""
        return [
            f"{module}.{weight}"
            for module, attention in self.named_modules()
            if isinstance(attention, VoiceStreamAttention)
            for weight, _ in attention.named_parameters()
        ]

    def _check_hears(self, name: str, stream: Stream) -> None:
        if "voice" in stream.injects() and not self.settings.unet.use_voice_stream:
            raise CheckpointError(
                f"stream {name} enters by voice stream attention, which this model has not; set "
                "use_voice_stream: true under unet, or leave the stream out"
            )

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
