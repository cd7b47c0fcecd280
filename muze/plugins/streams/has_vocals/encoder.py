"""Has-vocals encoder: an embedding for each of the two answers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean


class HasVocalsEncoder(StreamEncoder):
    """One embedding for music with a voice and one without; blended by the share of frames."""

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        self.vector = nn.Linear(2, sites["vector"])

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,
        num_frames: int,  # noqa: ARG002  (the stream enters as a vector only)
    ) -> dict[Site, Tensor]:
        """Encode ``vocals`` (B, 2, T), columns of sum 1."""
        return {"vector": self.vector(present_mean(features["vocals"], present))}
