"""Voice encoder: two speaker embeddings fused for the voice stream attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from muze.core.protocols import Site
from muze.model.conditioning import EmbeddingFusion, StreamEncoder


class VoiceEmbeddingFusion(StreamEncoder):
    """Fuses Resemblyzer's embedding and ECAPA-TDNN's, either of which may be missing."""

    def __init__(self, sites: Mapping[Site, int], widths: Sequence[int]) -> None:
        super().__init__(sites)
        self.voice = EmbeddingFusion(widths, sites["voice"])

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (a voice holds for the whole song)
        num_frames: int,  # noqa: ARG002  (the stream enters as one embedding)
    ) -> dict[Site, Tensor]:
        """Encode ``resemblyzer`` (B, 256) and ``ecapa`` (B, 192); ``given`` (B, 2) tells which."""
        both = features["resemblyzer"], features["ecapa"]
        return {"voice": self.voice(both, features["given"])}
