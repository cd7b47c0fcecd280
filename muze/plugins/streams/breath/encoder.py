"""Breath encoder: how many breaths a second as a vector; where they are, over time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

BUMP = 0.075
"""Seconds one drawn breath adds up to: half its width."""


class BreathEncoder(StreamEncoder):
    """An MLP of the rate; a convolution at the full rate, then averaged, as a bump is short."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.vector = nn.Sequential(nn.Linear(1, vector), nn.SiLU(), nn.Linear(vector, vector))
        self.bumps = nn.Conv1d(1, frames, kernel_size=5, padding=2)
        self.frames = nn.Conv1d(frames + 1, frames, 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``breath`` (B, 1, T)."""
        x = features["breath"]
        bumps = nn.functional.silu(self.bumps(x * present[:, None]))
        both = to_latent_rate(torch.cat([bumps, x], dim=1), num_frames)
        return {
            "vector": self.vector(present_mean(x, present) / BUMP),
            "frames": self.frames(both),
        }
