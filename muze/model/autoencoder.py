"""The autoencoder: log-mel spectrograms to a small latent space and back."""

from __future__ import annotations

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from muze.audio.mel import MelSettings
from muze.core.settings import Settings
from muze.model.blocks import Conv, ResBlock, Size, Upsample, downsample

# Shapes: B batch, T mel frames, C latent channels, H latent rows, W latent frames


class AutoencoderSettings(Settings):
    """The shape of an autoencoder."""

    mel: MelSettings = MelSettings()
    latent_dim: int = Field(128, ge=1, description="Latent channels.")
    channels: tuple[int, ...] = Field((128, 256, 512, 1024), description="Width of each level.")
    num_res_blocks: int = Field(2, ge=1, description="Residual blocks at each level.")
    patch: Size = Field((1, 1), description="Mel bands and frames folded into the first level.")
    strides: tuple[Size, ...] = Field(
        ((2, 2), (2, 2), (2, 2)), description="Rows and frames divided by, from level to level."
    )
    kernel: Size = Field((3, 3), description="Rows and frames a convolution sees.")
    mel_mean: float = Field(-5.0, description="Subtracted from the log-mel.")
    mel_std: float = Field(2.5, gt=0, description="Divides the log-mel.")
    use_checkpoint: bool = Field(False, description="Recompute activations to save memory.")

    @model_validator(mode="after")
    def _check_shape(self) -> AutoencoderSettings:
        if len(self.strides) != len(self.channels) - 1:
            raise ValueError("strides must be one fewer than channels")
        if self.mel.num_mels % (self.patch[0] * math.prod(rows for rows, _ in self.strides)):
            raise ValueError(f"patch and strides must divide the {self.mel.num_mels} mel bands")
        return self

    @property
    def time_stride(self) -> int:
        """Mel frames per latent frame."""
        stride = self.patch[1]
        for _, time in self.strides:
            stride *= time
        return stride

    @property
    def can_start_linear(self) -> bool:
        """Whether the weights can hold a principal component analysis of patches."""
        whole = self.patch[0] == self.mel.num_mels and len(self.channels) == 1
        return whole and self.latent_dim <= self.channels[0] <= self.patch[0] * self.patch[1]

    @property
    def rows(self) -> int:
        """Latent rows H."""
        rows = self.mel.num_mels // self.patch[0]
        for frequency, _ in self.strides:
            rows //= frequency
        return rows

    @property
    def latent_rate(self) -> float:
        """Latent frames a second."""
        return self.mel.frame_rate / self.time_stride


class AudioVAE(nn.Module):
    """A convolutional variational autoencoder (Kingma & Welling 2014) over log-mel spectrograms."""

    def __init__(self, settings: AutoencoderSettings) -> None:
        super().__init__()
        self.settings = settings
        s, widths, kernel = settings, settings.channels, settings.kernel
        self.encoder = nn.ModuleList([Conv(1, widths[0], s.patch, s.patch)])
        for level, width in enumerate(widths):
            self.encoder += [ResBlock(width, width, kernel) for _ in range(s.num_res_blocks)]
            if level < len(s.strides):
                self.encoder.append(downsample(width, widths[level + 1], s.strides[level]))
        top = widths[-1]
        self.to_latent = Conv(top, 2 * s.latent_dim, (1, 1))
        self.decoder = nn.ModuleList([Conv(s.latent_dim, top, kernel)])
        for level in reversed(range(len(widths))):
            width = widths[level]
            self.decoder += [ResBlock(width, width, kernel) for _ in range(s.num_res_blocks)]
            if level:
                below = widths[level - 1]
                self.decoder.append(Upsample(width, below, s.strides[level - 1], kernel))
        self.to_mel = nn.ConvTranspose2d(widths[0], 1, s.patch, s.patch)
        self.mel_offset = nn.Parameter(torch.zeros(1, s.mel.num_mels, s.patch[1]))

    def encode(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, num_mels, T) to the mean and log variance of the latents, each (B, C, H, W)."""
        h = (log_mel[:, None] - self.settings.mel_mean) / self.settings.mel_std
        mean, log_variance = self.to_latent(self._run(self.encoder, h)).chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 6)

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, H, W) to a log-mel spectrogram (B, num_mels, T)."""
        h = self._run(self.decoder, latents)
        made = self.to_mel(h)[:, 0]
        made = made + self.mel_offset.repeat(1, 1, made.shape[-1] // self.mel_offset.shape[-1])
        log_mel: Tensor = made * self.settings.mel_std + self.settings.mel_mean
        return log_mel

    def forward(self, log_mel: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the reconstruction (B, num_mels, T), latent mean and log variance.

        ``noise`` is standard normal, shaped as the latents (B, C, H, W).
        """
        mean, log_variance = self.encode(log_mel)
        latents = mean + noise.to(mean) * (0.5 * log_variance).exp()
        return self.decode(latents), mean, log_variance

    def start_linear(self, log_mels: Tensor) -> None:
        """Set the weights to principal component analysis of patches, as a start for training.

        For an autoencoder of one level whose patch is as high as the spectrogram: residual blocks
        start as the identity, so patch, latent and output layers can hold the components exactly.

        Args:
            log_mels: (N, num_mels, patch frames), a sample of patches; N well over latent_dim.
        """
        s, width = self.settings, self.settings.channels[0]
        assert s.can_start_linear
        flat = ((log_mels - s.mel_mean) / s.mel_std).flatten(1)
        centre = flat.mean(dim=0)
        covariance = (flat - centre).T @ (flat - centre) / len(flat)
        variances, components = torch.linalg.eigh(covariance.double())
        basis = components.flip(1)[:, :width].T.float()  # (width, patch)
        scale = variances.flip(0)[:width].clamp(min=1e-6).sqrt().float()[:, None]
        patch_in, latent_out = self.encoder[0], self.decoder[0]
        assert isinstance(patch_in, Conv)
        assert isinstance(latent_out, Conv)
        biases = [patch_in.bias, self.to_latent.bias, latent_out.bias, self.to_mel.bias]
        with torch.no_grad():
            for bias in biases:
                assert bias is not None
                bias.zero_()
            patch_in.weight.copy_((basis / scale).view_as(patch_in.weight))
            patch_in.bias.copy_(-(basis / scale) @ centre)  # type: ignore[union-attr]
            self.to_latent.weight.zero_()
            self.to_latent.bias[s.latent_dim :].fill_(-6.0)  # type: ignore[index]  # little noise
            latent_out.weight.zero_()
            for channel in range(s.latent_dim):
                self.to_latent.weight[channel, channel] = 1
                middle = [k // 2 for k in s.kernel]
                latent_out.weight[channel, channel, middle[0], middle[1]] = 1
            self.to_mel.weight.copy_((basis * scale).view_as(self.to_mel.weight))
            self.mel_offset.copy_(centre.view(1, s.mel.num_mels, s.patch[1]))

    def _run(self, layers: nn.ModuleList, h: Tensor) -> Tensor:
        for layer in layers:
            if self.settings.use_checkpoint and self.training:
                h = checkpoint(layer, h, use_reentrant=False)
            else:
                h = layer(h)
        return h


def reconstruction_loss(made: Tensor, wanted: Tensor, settings: AutoencoderSettings) -> Tensor:
    """L1 of log-mels in units of their deviation, with L1 of differences along time and frequency.

    Differences along frequency keep harmonics, and so chords, from blurring; the plain L1 hides it.
    """
    error = (made - wanted) / settings.mel_std
    return (
        error.abs().mean() + 0.3 * error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    )


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of the latents' distribution from a standard normal, averaged over every element."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
