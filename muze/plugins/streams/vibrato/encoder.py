"""Vibrato encoder: an MLP of the window's mean, a small network over time."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

USUAL = ((5.5,), (50.0,), (1.0,))  # Hz, cents, share: what brings each near 1


class VibratoEncoder(StreamEncoder):
    """Rate, depth and extent, each about 0 to 1, then one MLP for each site."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.vector = nn.Sequential(nn.Linear(3, vector), nn.SiLU(), nn.Linear(vector, vector))
        self.frames = nn.Sequential(
            nn.Conv1d(3, frames, 1), nn.SiLU(), nn.Conv1d(frames, frames, 1)
        )

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``vibrato`` (B, 3, T) in Hz, cents and share."""
        x = features["vibrato"] / features["vibrato"].new_tensor(USUAL)
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
