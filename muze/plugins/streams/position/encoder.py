"""Position encoder: two small networks over Fourier features of the place."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

NUM_OCTAVES = 4  # 1/16 of a song is the finest wave: about four bars of a short one


class PositionEncoder(StreamEncoder):
    """The place itself and sines and cosines of it, through an MLP for each site."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        num_features, width = 1 + 2 * NUM_OCTAVES, sites["vector"]
        self.vector = nn.Sequential(
            nn.Linear(num_features, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.frames = nn.Conv1d(num_features, sites["frames"], 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``position`` (B, 1, T)."""
        position = features["position"]
        waves = torch.cat([position * (math.pi * 2**k) for k in range(NUM_OCTAVES)], dim=1)
        x = torch.cat([position, waves.sin(), waves.cos()], dim=1)
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
