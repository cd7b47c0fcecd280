"""Building blocks shared by the autoencoder and the U-Net."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Shapes: B batch, C channels, H latent rows (frequency), W latent frames (time), E embedding

Size = tuple[int, int]
M = TypeVar("M", bound=nn.Module)


class Conv(nn.Conv2d):
    """A convolution over (H, W), computed as one over W alone where the map is one row high.

    On a CPU the one-dimensional kernels are 2.4 times faster than a 2-D convolution of height one.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: Size,
        stride: Size = (1, 1),
        padding: Size | None = None,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        """The padding is such that a stride divides a length, unless it is said."""
        if padding is None:
            (rows, frames), (row_stride, frame_stride) = kernel, stride
            padding = (rows - row_stride + 1) // 2, (frames - frame_stride + 1) // 2
        super().__init__(channels, out, kernel, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out, H / stride, W / stride)."""
        if x.shape[2] == 1 and self.kernel_size[0] == 1:
            flat, weight = x[:, :, 0], self.weight[:, :, 0]
            stride, padding = self.stride[1], int(self.padding[1])
            return F.conv1d(flat, weight, self.bias, stride, padding, 1, self.groups)[:, :, None]
        return super().forward(x)


class ResBlock(nn.Module):
    """Two convolutions beside a skip; scale and shift by an embedding and by frame conditions."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: Size,
        embedding_dim: int = 0,
        frames_dim: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_in = group_norm(channels)
        self.conv_in = Conv(channels, out, kernel)
        self.norm_out = group_norm(out)
        self.conv_out = Conv(out, out, kernel)
        self.skip = Conv(channels, out, (1, 1)) if channels != out else nn.Identity()
        self.embedding = nn.Linear(embedding_dim, 2 * out) if embedding_dim else None
        self.frames = nn.Conv1d(frames_dim, 2 * out, 1) if frames_dim else None
        self.dropout = nn.Dropout(dropout)
        zero_init(self.conv_out)
        if self.frames is not None:
            zero_init(self.frames)  # so that a model starts as if it had no frame conditions

    def forward(
        self,
        x: Tensor,
        embedding: Tensor | None = None,
        frames: Tensor | None = None,
        added: Tensor | None = None,
    ) -> Tensor:
        """(B, C, H, W), (B, E), (B, frames_dim, W) and (B, 2 * out, W) to (B, out, H, W).

        ``added`` is scale and shift by streams that came later.
        """
        h = self.norm_out(self.conv_in(F.silu(self.norm_in(x))))
        if self.embedding is not None and embedding is not None:
            scale, shift = self.embedding(embedding)[:, :, None, None].chunk(2, dim=1)
            if self.frames is not None and frames is not None:
                frame_scale, frame_shift = self.frames(frames)[:, :, None].chunk(2, dim=1)
                scale, shift = scale + frame_scale, shift + frame_shift
            if added is not None:
                frame_scale, frame_shift = added[:, :, None].chunk(2, dim=1)
                scale, shift = scale + frame_scale, shift + frame_shift
            h = h * (1 + scale) + shift
        out: Tensor = self.skip(x) + self.conv_out(self.dropout(F.silu(h)))
        return out


class Upsample(nn.Module):
    """Repeats rows and frames by ``factor``, then a convolution."""

    def __init__(self, channels: int, out: int, factor: Size, kernel: Size) -> None:
        super().__init__()
        self.factor = factor
        self.conv = Conv(channels, out, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out, H * factor[0], W * factor[1])."""
        for axis, factor in zip((2, 3), self.factor, strict=True):
            x = x.repeat_interleave(factor, dim=axis) if factor > 1 else x
        out: Tensor = self.conv(x)
        return out


def downsample(channels: int, out: int, factor: Size) -> Conv:
    """Return a strided convolution that divides H and W by ``factor``."""
    kernel = tuple({1: 1, 2: 4}.get(f, f + 2 - f % 2) for f in factor)
    return Conv(channels, out, (kernel[0], kernel[1]), factor)


class CrossAttention(nn.Module):
    """Attention from a sequence to itself, or to a context where one is given (Vaswani 2017)."""

    def __init__(self, channels: int, context_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels, bias=False)
        self.key_value = nn.Linear(context_dim, 2 * channels, bias=False)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, C) attends to (B, N, context_dim); ``mask`` (B, N) is True where to look."""
        query = self._heads(self.query(x))
        key, value = (self._heads(part) for part in self.key_value(context).chunk(2, dim=-1))
        attended = F.scaled_dot_product_attention(
            query, key, value, None if mask is None else mask[:, None, None, :]
        )
        out: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.num_heads, -1).transpose(1, 2)


class SpatialTransformer(nn.Module):
    """Self-attention, cross-attention to the tokens, feed-forward (Rombach et al. 2022)."""

    def __init__(self, channels: int, context_dim: int, num_heads: int, expansion: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.self_attention = CrossAttention(channels, channels, num_heads)
        self.cross_attention = CrossAttention(channels, context_dim, num_heads)
        inner = expansion * channels
        self.feed_forward = nn.Sequential(
            nn.Linear(channels, inner), nn.GELU(), nn.Linear(inner, channels)
        )
        self.project = zero_init(nn.Linear(channels, channels))

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, C, H, W) with tokens (B, N, context_dim) and mask (B, N) to (B, C, H, W)."""
        h = self.norm(x).flatten(2).transpose(1, 2)
        normed = self.norms[0](h)
        h = h + self.self_attention(normed, normed)
        h = h + self.cross_attention(self.norms[1](h), tokens, mask)
        h = h + self.feed_forward(self.norms[2](h))
        out: Tensor = x + self.project(h).transpose(1, 2).unflatten(2, x.shape[2:])
        return out


class VoiceStreamAttention(nn.Module):
    """Gated cross-attention to the voice: ``x + sigmoid(gate) * attended``; the gate is learned."""

    def __init__(self, channels: int, voice_dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.attention = CrossAttention(channels, voice_dim, num_heads)
        zero_init(self.attention.out)  # so that a model trained without a voice can be given one
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, voice: Tensor) -> Tensor:
        """(B, C, H, W) with a voice embedding (B, voice_dim) to (B, C, H, W)."""
        h = self.norm(x).flatten(2).transpose(1, 2)
        attended = self.attention(h, voice[:, None]).transpose(1, 2).unflatten(2, x.shape[2:])
        out: Tensor = x + torch.sigmoid(self.gate) * attended
        return out


def time_embedding(t: Tensor, dim: int) -> Tensor:
    """Sinusoids of t in [0, 1], scaled to a thousand steps, shape (B, dim) (Ho et al. 2020)."""
    rates = torch.exp(-math.log(10000) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = 1000.0 * t[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def zero_init(module: M) -> M:
    """Set a module's parameters to zero, and return it."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def group_norm(channels: int) -> nn.GroupNorm:
    """Return group normalisation in 32 groups, or as many as divide the channels."""
    return nn.GroupNorm(math.gcd(32, channels), channels)
