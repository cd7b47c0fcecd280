"""A small temporal convolutional network that hears beats, downbeats and metre."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.analysis.beat_features import NUM_FEATURES

# Shapes: B batch, C channels, N frames at 50 Hz

METRES = ("4/4", "3/4", "6/8")
DILATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # sees 20 s around each frame


class Block(nn.Module):
    """A dilated convolution beside a straight path."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.wide = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine (B, C, N)."""
        out: Tensor = x + self.mix(F.gelu(self.wide(self.norm(x))))
        return out


class BeatNetwork(nn.Module):
    """Log-mel and chroma to beat, downbeat and metre (after Boeck & Davies 2020)."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.listen = nn.Conv1d(NUM_FEATURES, channels, 5, padding=2)
        self.blocks = nn.ModuleList([Block(channels, dilation) for dilation in DILATIONS])
        self.norm = nn.GroupNorm(1, channels)
        self.head = nn.Conv1d(channels, 2 + len(METRES), 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, 60, N) to logits (B, 5, N): beat, downbeat, and the three metres."""
        x = self.listen(features)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(F.gelu(self.norm(x)))
        return logits


def with_beats(times: list[Tensor], frames: int, frame_rate: float) -> Tensor:
    """Return training targets (B, frames): 1 at the frames of the times, 0.5 beside them."""
    target = torch.zeros(len(times), frames)
    for row, at in zip(target, times, strict=True):
        index = (at * frame_rate).long()
        for shift, value in ((-1, 0.5), (1, 0.5), (0, 1.0)):
            near = index + shift
            row[near[(near >= 0) & (near < frames)]] = value
    return target
