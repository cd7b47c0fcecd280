"""Key encoder: an embedding of the key and of its scale."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate


class KeyEncoder(StreamEncoder):
    """One-hot key and scale, embedded by one matrix for each site."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        self.vector = nn.Linear(36, sites["vector"])
        self.frames = nn.Conv1d(36, sites["frames"], 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``key`` (B, 24, T) and ``scale`` (B, 12, T)."""
        x = torch.cat([features["key"], features["scale"]], dim=1)
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
