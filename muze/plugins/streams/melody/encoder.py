"""Melody encoder: a small network over the pitch classes, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, to_latent_rate

PITCH_CLASSES = 12


class MelodyEncoder(StreamEncoder):
    """The share of a latent frame that each pitch class has, through two layers."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        frames = sites["frames"]
        self.frames = nn.Sequential(
            nn.Conv1d(PITCH_CLASSES, frames, 1), nn.SiLU(), nn.Conv1d(frames, frames, 1)
        )

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (frame by frame: absent ones reach no other)
        num_frames: int,
    ) -> dict[Site, Tensor]:
        """Encode ``melody`` (B, 12, T)."""
        return {"frames": self.frames(to_latent_rate(features["melody"], num_frames))}
