"""Beat encoder: phases of beat, bar and subdivisions, the metre, and how fast beats come."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

NUM_PHASES, NUM_METRES = 8, 5
SPEED_SCALE = 8.0  # 120 beats a minute turn 0.126 radians a frame; this makes it about 1


class BeatEncoder(StreamEncoder):
    """Metre and speed as a vector; phases through a convolution at the full rate, then averaged.

    The convolution comes before the averaging because a sixteenth can be shorter than a latent
    frame: averaged first, its phase would vanish.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__(sites)
        vector, frames = sites["vector"], sites["frames"]
        self.vector = nn.Sequential(
            nn.Linear(NUM_METRES + 1, vector), nn.SiLU(), nn.Linear(vector, vector)
        )
        self.onsets = nn.Conv1d(NUM_PHASES, frames, kernel_size=5, padding=2)
        self.frames = nn.Conv1d(frames + NUM_PHASES + NUM_METRES, frames, 1)

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode ``phase`` (B, 8, T) and ``metre`` (B, 5, T)."""
        phase, metre = features["phase"], features["metre"]
        sine, cosine = phase[:, :1], phase[:, 1:2]
        # the sine of the angle from each frame to the next; both must be present
        turned = sine[..., 1:] * cosine[..., :-1] - cosine[..., 1:] * sine[..., :-1]
        speed = SPEED_SCALE * present_mean(turned, present[:, 1:] & present[:, :-1])
        onsets = nn.functional.silu(self.onsets(phase))
        x = to_latent_rate(torch.cat([onsets, phase, metre], dim=1), num_frames)
        return {
            "vector": self.vector(torch.cat([present_mean(metre, present), speed], dim=1)),
            "frames": self.frames(x),
        }
