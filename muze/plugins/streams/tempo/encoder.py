"""Tempo encoder: an MLP of the mean, a small network over the curve."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate


class TempoEncoder(StreamEncoder):
    """Beats a minute brought near [0, 1] by (bpm - 60) / 140, then one MLP for each site."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.vector = nn.Sequential(nn.Linear(1, vector), nn.SiLU(), nn.Linear(vector, vector))
        self.frames = nn.Sequential(
            nn.Conv1d(1, frames, 1), nn.SiLU(), nn.Conv1d(frames, frames, 1)
        )

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``tempo`` (B, 1, T)."""
        x = (features["tempo"] - 60) / 140
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
