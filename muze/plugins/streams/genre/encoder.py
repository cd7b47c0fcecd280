"""Genre encoder: the mean of the named genres' embeddings."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean


class GenreEncoder(StreamEncoder):
    """One embedding a genre; several named ones are averaged, as are a window's sections."""

    def __init__(self, sites: Mapping[Site, int], num_genres: int) -> None:
        super().__init__(sites)
        self.vector = nn.Linear(num_genres, sites["vector"])

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,
        num_frames: int,  # noqa: ARG002  (the stream enters as a vector only)
    ) -> dict[Site, Tensor]:
        """Encode ``genre`` (B, G, T), columns of sum 1."""
        return {"vector": self.vector(present_mean(features["genre"], present))}
