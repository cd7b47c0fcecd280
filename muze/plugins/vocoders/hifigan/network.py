"""The HiFi-GAN generator (Kong et al. 2020, arXiv:2010.05646), its weights named as published.

transformers has it as ``SpeechT5HifiGan``, without the second kind of residual block and five
seconds of imports away; a test holds both equal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

if TYPE_CHECKING:
    from muze.plugins.vocoders.hifigan import HifiGanVocoder

# Shapes: B batch, M mel bands, T mel frames, C channels, S samples of a stage

SLOPE = 0.1  # of leaky ReLUs, but for the last, which has torch's .01


class ResBlock1(nn.Module):
    """Three times a dilated convolution and a plain one, beside a skip."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_conv(channels, kernel, d) for d in dilations)
        self.convs2 = nn.ModuleList(_conv(channels, kernel, 1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, S) to (B, C, S)."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class ResBlock2(nn.Module):
    """Dilated convolutions beside a skip: the small kind, of the paper's V3."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv(channels, kernel, d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, S) to (B, C, S)."""
        for dilated in self.convs:
            x = x + dilated(F.leaky_relu(x, SLOPE))
        return x


class HifiGanNetwork(nn.Module):
    """Transposed convolutions up to the sample rate, after each the mean of residual blocks."""

    def __init__(self, config: HifiGanVocoder.Config) -> None:
        super().__init__()
        self.hop_length, self.context = config.mel.hop_length, frames_seen(config)
        self.num_kernels = len(config.resblock_kernel_sizes)
        width = config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(config.mel.num_mels, width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        block = ResBlock1 if config.resblock == 1 else ResBlock2
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            padding = (kernel - rate) // 2
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding))
            width //= 2
            self.resblocks += [
                block(width, size, dilations)
                for size, dilations in zip(
                    config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True
                )
            ]
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3)
        for layer in (*self.ups, *self.resblocks, self.conv_post):
            layer.apply(_start)

    def forward(self, log_mel: Tensor, _first: int = 0) -> Tensor:
        """(B, M, T) natural-log mel magnitudes to (B, T * hop_length) samples in [-1, 1].

        The number of the first frame makes no difference here.
        """
        x = self.conv_pre(log_mel)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            first = stage * self.num_kernels
            blocks = [self.resblocks[first + k](x) for k in range(self.num_kernels)]
            x = torch.stack(blocks).mean(dim=0)
        samples: Tensor = torch.tanh(self.conv_post(F.leaky_relu(x)).float())
        return samples[:, 0]


def build(config: HifiGanVocoder.Config) -> HifiGanNetwork:
    """Return the generator of ``config`` with fresh weights."""
    return HifiGanNetwork(config)


def normalised(network: HifiGanNetwork) -> HifiGanNetwork:
    """Let a network learn length and direction of its weights apart (Salimans & Kingma 2016)."""
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            parametrizations.weight_norm(layer)
    return network


def folded(network: nn.Module, config: HifiGanVocoder.Config) -> HifiGanNetwork:
    """Return the network that one ``normalised`` for training amounts to, to be kept and used.

    Built anew: a copy shares its layers' classes with the original, and torch takes the weights'
    norm out of those.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        plain = build(config)
        ours = dict(network.named_modules())
        for name, layer in plain.named_modules():
            if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
                trained = ours[name]
                assert isinstance(trained, (nn.Conv1d, nn.ConvTranspose1d))
                layer.load_state_dict({"weight": trained.weight, "bias": trained.bias})
    return plain


def frames_seen(config: HifiGanVocoder.Config) -> int:
    """Return the frames to each side that a sample depends on."""
    reach, rate = 3.0, 1  # of the first convolution; samples a frame
    for up, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
        reach += ((kernel + up) // 2 / up + 1) / rate
        rate *= up
        reach += (
            max(
                (size - 1) // 2 * (sum(dilations) + (config.resblock == 1) * len(dilations))
                for size, dilations in zip(
                    config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True
                )
            )
            / rate
        )
    return math.ceil(reach + 3 / rate)


def _conv(channels: int, kernel: int, dilation: int) -> nn.Conv1d:
    padding = (kernel - 1) // 2 * dilation
    return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=padding)


def _start(layer: nn.Module) -> None:
    if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
        nn.init.normal_(layer.weight, 0, 0.01)
