"""Sentiment encoder: an MLP of the mean."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean


class SentimentEncoder(StreamEncoder):
    """Sentiment in [-1, 1], through one hidden layer."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector = sites["vector"]
        self.vector = nn.Sequential(nn.Linear(1, vector), nn.SiLU(), nn.Linear(vector, vector))

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,
        num_frames: int,  # noqa: ARG002  (the stream enters as a vector only)
    ) -> dict[Site, Tensor]:
        """Encode ``sentiment`` (B, 1, T)."""
        return {"vector": self.vector(present_mean(features["sentiment"], present))}
