"""A small convolutional network that hears drums."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.analysis.onsets import NUM_MELS

# Shapes: B batch, C channels, N frames at 100 Hz

NUM_DRUMS = 5
DILATIONS = (1, 2, 4, 8)  # hears a third of a second on either side of each frame


class Block(nn.Module):
    """A dilated convolution beside a straight path."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine (B, C, N)."""
        out: Tensor = x + self.mix(F.gelu(self.wide(x)))
        return out


class DrumNetwork(nn.Module):
    """Log-mel bands to how likely each drum is struck, and how hard."""

    def __init__(self, channels: int = 40) -> None:
        super().__init__()
        self.listen = nn.Conv1d(NUM_MELS, channels, 5, padding=2)
        self.blocks = nn.ModuleList([Block(channels, dilation) for dilation in DILATIONS])
        self.head = nn.Conv1d(channels, 2 * NUM_DRUMS, 1)

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 48, N) to logits of a hit (B, 5, N), and its strength 0 to 1 (B, 5, N)."""
        x = self.listen(log_mel)
        for block in self.blocks:
            x = block(x)
        hit, strength = self.head(F.gelu(x)).split(NUM_DRUMS, dim=1)
        return hit, torch.sigmoid(strength)
