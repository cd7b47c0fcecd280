"""MIDI encoder: the keyboard of each frame, then a small network over time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

NUM_FEATURES = 440 + 88


class MidiEncoder(StreamEncoder):
    """One matrix over all keys of all parts, a convolution over time, then the averaging.

    A strike lasts one frame of 10 ms; the convolution hears it before it is averaged with others.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.keys = nn.Conv1d(NUM_FEATURES, frames, 1)
        self.time = nn.Conv1d(frames, frames, kernel_size=5, padding=2)
        self.frames = nn.Conv1d(frames, frames, 1)
        self.vector = nn.Sequential(nn.Linear(frames, vector), nn.SiLU(), nn.Linear(vector, vector))

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``roll`` (B, 440, T) and ``struck`` (B, 88, T)."""
        played = torch.cat([features["roll"], features["struck"]], dim=1)
        x = F.silu(self.keys(played * present[:, None]))
        x = F.silu(self.time(x * present[:, None]))  # or the bias of ``keys`` would tell of them
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
