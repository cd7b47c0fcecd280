"""Chord encoder: root, notes and bass through one matrix for each site."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

NUM_FEATURES = 37


class ChordEncoder(StreamEncoder):
    """The window's mean chord as a vector; a small network frame by frame."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        frames = sites["frames"]
        self.vector = nn.Linear(NUM_FEATURES, sites["vector"])
        self.frames = nn.Sequential(
            nn.Conv1d(NUM_FEATURES, frames, 1), nn.SiLU(), nn.Conv1d(frames, frames, 1)
        )

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``chord`` (B, 37, T)."""
        x = features["chord"]
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
