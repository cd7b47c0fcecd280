"""Pitch encoder: logarithmic pitch, its semitone and its place within it, through convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

C1 = 32.703  # Hz
NUM_SEMITONES = 84
NUM_ROWS = 3


class PitchEncoder(StreamEncoder):
    """Octaves above C1, cents off the semitone and voicing; an embedding a semitone is added.

    The convolution comes before the averaging to the latent rate: a mean of two notes' pitches
    would be a third note. Cents have a row of their own, so that half precision keeps them.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.contour = nn.Conv1d(NUM_ROWS, frames, kernel_size=5, padding=2)
        self.coarse = nn.Embedding(NUM_SEMITONES + 1, frames)  # the last is "no melody"
        self.frames = nn.Sequential(
            nn.Conv1d(frames, frames, kernel_size=3, padding=1), nn.SiLU(),
            nn.Conv1d(frames, frames, 1),
        )  # fmt: skip
        self.vector = nn.Sequential(nn.Linear(frames, vector), nn.SiLU(), nn.Linear(vector, vector))

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``f0`` (B, 1, T) in Hz, ``f0_coarse`` and ``voiced``, all (B, 1, T)."""
        voiced = features["voiced"] * present[:, None]  # nothing of absent frames comes through
        octaves = torch.log2(features["f0"].clamp(min=C1 / 2) / C1)
        cents = 24 * (octaves - features["f0_coarse"] / 12)  # -1 to 1 within a semitone
        rows = torch.cat([octaves / 4 - 0.75, cents, torch.ones_like(cents)], dim=1) * voiced
        semitone = torch.where(voiced > 0, features["f0_coarse"], NUM_SEMITONES)
        named = self.coarse(semitone[:, 0].round().long()).transpose(1, 2)
        x = F.silu(self.contour(rows) + named)
        return {
            "vector": self.vector(present_mean(x, present)),
            "frames": self.frames(to_latent_rate(x, num_frames)),
        }
