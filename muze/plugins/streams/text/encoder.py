"""Text encoder's projections; the language model itself is frozen and runs in ``parse``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder


class TextEncoder(StreamEncoder):
    """One projection of the pooled prompt and one of its tokens."""

    def __init__(self, sites: Mapping[Site, int], hidden: int) -> None:
        super().__init__(sites)
        self.vector = nn.Linear(hidden, sites["vector"])
        self.norm = nn.LayerNorm(hidden)
        self.tokens = nn.Linear(hidden, sites["tokens"])
        self.scale = hidden**0.5  # a pooled prompt has length 1; this makes its entries about 1

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (a prompt holds for the whole window)
        num_frames: int,  # noqa: ARG002
    ) -> dict[Site, Tensor]:
        """Encode ``pooled`` (B, hidden) and ``tokens`` (B, N, hidden)."""
        return {
            "vector": self.vector(features["pooled"] * self.scale),
            "tokens": self.tokens(self.norm(features["tokens"])),
        }
