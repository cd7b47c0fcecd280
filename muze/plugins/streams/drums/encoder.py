"""Drums encoder: pulses through a convolution at the full rate, then averaged."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, to_latent_rate

NUM_DRUMS = 5


class DrumsEncoder(StreamEncoder):
    """The convolution comes before the averaging: a hit is shorter than a latent frame.

    What it makes of a pulse's rise and fading tells where within the latent frame the hit lies.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        frames = sites["frames"]
        self.pulses = nn.Conv1d(NUM_DRUMS, frames, kernel_size=5, padding=2)
        self.frames = nn.Conv1d(frames + NUM_DRUMS, frames, 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``drums`` (B, 5, T)."""
        x = features["drums"] * present[:, None]
        pulses = nn.functional.silu(self.pulses(x))
        both = to_latent_rate(torch.cat([pulses, x], dim=1), num_frames)
        return {"frames": self.frames(both)}
