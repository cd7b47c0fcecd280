"""Section encoder: an embedding of the type, and how near its borders are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.grid import SECTION_TYPES
from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate


class SectionEncoder(StreamEncoder):
    """The type embedded for each site; frames also see the distances to the borders."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        frames = sites["frames"]
        self.vector = nn.Linear(len(SECTION_TYPES), sites["vector"])
        self.frames = nn.Sequential(
            nn.Conv1d(len(SECTION_TYPES) + 2, frames, 1), nn.SiLU(), nn.Conv1d(frames, frames, 1)
        )

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``section`` (B, 13, T) and ``border`` (B, 2, T)."""
        x = torch.cat([features["section"], features["border"]], dim=1)
        return {
            "vector": self.vector(present_mean(features["section"], present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
