"""CLAP encoder's projection; CLAP itself is frozen and runs in ``parse`` and ``extract``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from muze.core.protocols import Site
from muze.model.conditioning import EmbeddingFusion, StreamEncoder


class ClapProjection(StreamEncoder):
    """Fuses the embeddings of sound and of words, either of which may be missing."""

    def __init__(self, sites: Mapping[Site, int], width: int) -> None:
        super().__init__(sites)
        self.vector = EmbeddingFusion((width, width), sites["vector"])

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (an embedding holds for the whole song)
        num_frames: int,  # noqa: ARG002  (the stream enters as a vector only)
    ) -> dict[Site, Tensor]:
        """Encode ``audio`` and ``text`` (B, width), with ``given`` (B, 2) telling which are."""
        return {"vector": self.vector((features["audio"], features["text"]), features["given"])}
