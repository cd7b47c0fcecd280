"""Brightness encoder: one convolution."""

from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, to_latent_rate


class BrightnessEncoder(StreamEncoder):
    """(B, 1, T) to (B, C, W)."""

    def __init__(self, sites: dict[Site, int]) -> None:
        super().__init__(sites)
        self.frames = nn.Conv1d(1, sites["frames"], 3, padding=1)

    def encode(self, features: dict[str, Tensor], _: Tensor, num_frames: int) -> dict[Site, Tensor]:
        """Encode ``brightness`` (B, 1, T)."""
        return {"frames": self.frames(to_latent_rate(features["brightness"], num_frames))}
