"""Phoneme timestamp encoder: which sounds there are as a vector, when each is sung as frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.analysis.phonemes import NUM_IDS
from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

NUM_MARKS = 4  # a sound begins, a word begins; stressed, less so


class PhonemeTimestampEncoder(StreamEncoder):
    """An embedding of each frame's sound; a convolution at the full rate, then the average.

    The convolution comes before the averaging because several sounds may fall into one latent
    frame: averaged first, their order would be lost.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.sound = nn.Embedding(NUM_IDS, frames)
        self.vector = nn.Sequential(
            nn.Linear(frames + NUM_MARKS, vector), nn.SiLU(), nn.Linear(vector, vector)
        )
        self.order = nn.Conv1d(frames + NUM_MARKS, frames, kernel_size=9, padding=4)
        self.frames = nn.Conv1d(2 * frames + NUM_MARKS, frames, 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``phonemes`` (B, 3, T)."""
        number, begins, stress = features["phonemes"].unbind(dim=1)
        marks = torch.stack([begins > 0, begins == 2, stress == 1, stress == 2], dim=1)
        x = torch.cat([self.sound(number.long()).mT, marks.to(number.dtype)], dim=1)
        order = F.silu(self.order(x))
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(torch.cat([order, x], dim=1), num_frames)),
        }
