"""U-Net V2: predicts the noise in latents, told what the song says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from muze.core.settings import Settings
from muze.model.blocks import (
    Conv,
    ResBlock,
    Size,
    SpatialTransformer,
    Upsample,
    VoiceStreamAttention,
    downsample,
    group_norm,
    time_embedding,
    zero_init,
)
from muze.model.conditioning import Conditions

# Shapes: B batch, C channels, H latent rows, W latent frames


class UNetSettings(Settings):
    """The shape of a U-Net."""

    latent_dim: int = Field(128, ge=1, description="Channels in and out.")
    model_channels: int = Field(320, ge=8, description="Width of the first level.")
    channel_mult: tuple[int, ...] = Field((1, 2, 4, 4), description="Width of each level, times.")
    num_res_blocks: int = Field(2, ge=1, description="Residual blocks at each level.")
    attention_levels: tuple[int, ...] = Field((1, 2, 3), description="Levels with a transformer.")
    strides: tuple[Size, ...] = Field(
        ((2, 2), (2, 2), (2, 2)), description="Rows and frames divided by, from level to level."
    )
    kernel: Size = Field((3, 3), description="Rows and frames a convolution sees.")
    num_heads: int = Field(8, ge=1, description="Heads of every attention.")
    expansion: int = Field(4, ge=1, description="Width of feed-forward layers, times.")
    context_dim: int = Field(768, ge=1, description="Width of the tokens.")
    vector_dim: int = Field(1024, ge=8, description="Width of the condition vector and time.")
    frames_dim: int = Field(128, ge=0, description="Width of the frame conditions.")
    voice_dim: int = Field(256, ge=1, description="Width of the voice embedding.")
    use_voice_stream: bool = Field(True, description="Attend to the voice at every level.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout in residual blocks.")
    use_gradient_checkpointing: bool = Field(
        False, description="Recompute activations to save memory."
    )

    @model_validator(mode="after")
    def _check_shape(self) -> UNetSettings:
        if len(self.strides) != len(self.channel_mult) - 1:
            raise ValueError("strides must be one fewer than channel_mult")
        if self.model_channels % (2 * self.num_heads):
            raise ValueError("model_channels must be a multiple of twice num_heads")
        return self


class Stage(nn.Module):
    """One step of a level: residual block, transformer, voice stream attention."""

    def __init__(self, s: UNetSettings, channels: int, out: int, level: int | None) -> None:
        super().__init__()
        self.block = ResBlock(channels, out, s.kernel, s.vector_dim, s.frames_dim, s.dropout)
        attends = level is None or level in s.attention_levels
        self.transformer = (
            SpatialTransformer(out, s.context_dim, s.num_heads, s.expansion) if attends else None
        )
        self.voice = (
            VoiceStreamAttention(out, s.voice_dim, s.num_heads) if s.use_voice_stream else None
        )

    def forward(
        self,
        x: Tensor,
        embedding: Tensor,
        frames: Tensor,
        told: Conditions,
        added: Tensor | None = None,
    ) -> Tensor:
        """(B, C, H, W) to (B, out, H, W)."""
        x = self.block(x, embedding, frames, added)
        if self.transformer is not None:
            x = self.transformer(x, told.tokens, told.tokens_mask)
        if self.voice is not None and told.voice is not None:
            x = self.voice(x, told.voice)
        return x


class UNet(nn.Module):
    """An encoder and a decoder joined by skips (Ronneberger 2015; Rombach et al. 2022)."""

    def __init__(self, settings: UNetSettings) -> None:
        super().__init__()
        self.settings = settings
        s = settings
        widths = [s.model_channels * m for m in s.channel_mult]
        self.time = nn.Sequential(
            nn.Linear(s.model_channels, s.vector_dim),
            nn.SiLU(),
            nn.Linear(s.vector_dim, s.vector_dim),
        )
        self.conv_in = Conv(s.latent_dim + s.frames_dim, widths[0], s.kernel)
        self.down, self.downsamples = nn.ModuleList(), nn.ModuleList()
        skips, channels = [widths[0]], widths[0]
        for level, width in enumerate(widths):
            stages = nn.ModuleList()
            for _ in range(s.num_res_blocks):
                stages.append(Stage(s, channels, width, level))
                channels = width
                skips.append(channels)
            self.down.append(stages)
            if level < len(s.strides):
                self.downsamples.append(downsample(channels, channels, s.strides[level]))
                skips.append(channels)
        self.middle = Stage(s, channels, channels, None)
        self.middle_out = ResBlock(channels, channels, s.kernel, s.vector_dim, s.frames_dim)
        self.up, self.upsamples = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(widths))):
            stages = nn.ModuleList()
            for _ in range(s.num_res_blocks + 1):
                stages.append(Stage(s, channels + skips.pop(), widths[level], level))
                channels = widths[level]
            self.up.append(stages)
            if level:
                self.upsamples.append(Upsample(channels, channels, s.strides[level - 1], s.kernel))
        self.norm_out = group_norm(channels)
        self.conv_out = zero_init(Conv(channels, s.latent_dim, s.kernel))
        self.added = nn.ModuleDict()

    def add_frames(self, name: str, width: int) -> None:
        """Let a stream's frames modulate every stage by themselves; it starts at zero."""
        outs = [stage.block.conv_out.out_channels for stage, _ in self._stages()]
        self.added[name] = nn.ModuleList(zero_init(nn.Conv1d(width, 2 * out, 1)) for out in outs)

    def _stages(self) -> list[tuple[Stage, int]]:
        """Return the stages in the order they run, each with its level."""
        last = len(self.down) - 1
        levels = [*enumerate(self.down), (last, [self.middle])]
        levels += [(last - step, stages) for step, stages in enumerate(self.up)]
        return [(stage, level) for level, stages in levels for stage in stages]  # type: ignore[attr-defined]

    def _added(self, name: str, index: int) -> nn.Conv1d:
        stages = self.added[name]
        assert isinstance(stages, nn.ModuleList)
        layer = stages[index]
        assert isinstance(layer, nn.Conv1d)
        return layer

    def forward(self, x_t: Tensor, t: Tensor, told: Conditions) -> Tensor:
        """Predict from noisy latents (B, C, H, W) at times (B,); the same shape comes back."""
        s, length = self.settings, x_t.shape[-1]
        x, pyramid = _lengthen(x_t, self._whole), self._pyramid(told.frames)
        embedding = F.silu(self.time(time_embedding(t, s.model_channels)) + told.vector)
        rows = pyramid[0][:, :, None].expand(-1, -1, x.shape[2], -1)
        x = self.conv_in(torch.cat([x, rows], dim=1))
        skips = [x]
        added = self._modulations(told)
        for level, stages in enumerate(self.down):
            for stage in stages:  # type: ignore[attr-defined]
                x = self._run(stage, x, embedding, pyramid[level], told, next(added))
                skips.append(x)
            if level < len(s.strides):
                x = self.downsamples[level](x)
                skips.append(x)
        x = self._run(self.middle, x, embedding, pyramid[-1], told, next(added))
        x = self.middle_out(x, embedding, pyramid[-1])
        for step, stages in enumerate(self.up):
            level = len(self.up) - 1 - step
            for stage in stages:  # type: ignore[attr-defined]
                x = torch.cat([x, skips.pop()], dim=1)
                x = self._run(stage, x, embedding, pyramid[level], told, next(added))
            if level:
                x = self.upsamples[step](x)
        out: Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return out[..., :length]

    def _modulations(self, told: Conditions) -> Iterator[Tensor | None]:
        """Yield each stage's scale and shift by streams that came later, (B, 2 C, W)."""
        if not self.added:
            yield from itertools.repeat(None)
        pyramid = self._pyramid(torch.cat([told.added[name] for name in self.added], dim=1))
        for index, (_, level) in enumerate(self._stages()):
            layers = [self._added(name, index) for name in self.added]
            weight = torch.cat([layer.weight for layer in layers], dim=1)
            bias = torch.stack([b for layer in layers if (b := layer.bias) is not None]).sum(0)
            yield F.conv1d(pyramid[level], weight, bias)

    def _pyramid(self, frames: Tensor) -> list[Tensor]:
        """Return frames (B, C, W) at the rate of each level."""
        pyramid = [_lengthen(frames, self._whole)]
        for _, stride in self.settings.strides:
            pyramid.append(F.avg_pool1d(pyramid[-1], stride) if stride > 1 else pyramid[-1])
        return pyramid

    @property
    def _whole(self) -> int:
        """Frames of which a length must be a multiple, to divide at every level."""
        return math.prod(stride for _, stride in self.settings.strides)

    def _run(self, stage: Callable[..., Tensor], *inputs: object) -> Tensor:
        if self.settings.use_gradient_checkpointing and self.training:
            out: Tensor = checkpoint(stage, *inputs, use_reentrant=False)
            return out
        return stage(*inputs)


def _lengthen(x: Tensor, whole: int) -> Tensor:
    """Repeat the last frame until the length divides by ``whole``."""
    missing = -x.shape[-1] % whole
    return torch.cat([x, x[..., -1:].expand(*x.shape[:-1], missing)], -1) if missing else x
