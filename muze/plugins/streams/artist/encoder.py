"""Artist encoder: one embedding a bucket."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder


class ArtistEncoder(StreamEncoder):
    """Looks up the embedding of the bucket an artist falls into."""

    def __init__(self, sites: Mapping[Site, int], num_buckets: int) -> None:
        super().__init__(sites)
        self.vector = nn.Embedding(num_buckets, sites["vector"])

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (an artist holds for the whole song)
        num_frames: int,  # noqa: ARG002  (the stream enters as a vector only)
    ) -> dict[Site, Tensor]:
        """Encode ``artist`` (B, 1000), 1 at one bucket."""
        return {"vector": features["artist"] @ self.vector.weight}
