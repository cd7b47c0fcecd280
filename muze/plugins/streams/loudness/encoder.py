"""Loudness encoder: an MLP of the song's level, a small network over its curve."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, to_latent_rate


class LoudnessEncoder(StreamEncoder):
    """Level brought near [0, 1] by (LUFS + 30) / 30; the curve in tens of LU around it."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.vector = nn.Sequential(nn.Linear(1, vector), nn.SiLU(), nn.Linear(vector, vector))
        curve = nn.Conv1d(3, frames, 1)
        # a model trained on songs without curves is then not disturbed by one
        with torch.no_grad():
            curve.weight[:, 1:] = 0
        self.frames = nn.Sequential(curve, nn.SiLU(), nn.Conv1d(frames, frames, 1))

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (the level is the song's, wherever it is spoken of)
        num_frames: int,
    ) -> dict[Site, Tensor]:
        """Encode ``loudness`` (B, 1) and ``curve`` (B, 2, T)."""
        level = (features["loudness"] + 30) / 30
        curve = to_latent_rate(
            features["curve"] / features["curve"].new_tensor([[10.0], [1.0]]), num_frames
        )
        held = level[:, :, None].expand(-1, -1, num_frames)
        return {"vector": self.vector(level), "frames": self.frames(torch.cat([held, curve], 1))}
