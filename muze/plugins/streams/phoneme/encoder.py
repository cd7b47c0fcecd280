"""Phoneme encoder: sounds read through convolutions, pooled by attention; how long each lasts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.analysis.phonemes import NUM_IDS
from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder

# Shapes: B batch, N sounds, C channels

FRAME_RATE = 100.0
"""Frames a second in which lengths are predicted."""


class PhonemeEncoder(StreamEncoder):
    """Each sound among its neighbours; their mean by learned weights; their lengths.

    A song without words is pooled from a learned vector alone, which is there beside the sounds.
    The lengths of a record are what ``loss`` learns from, and nothing that ``encode`` sees.
    """

    def __init__(self, sites: Mapping[Site, int], hidden: int, layers: int = 3) -> None:
        super().__init__(sites)
        self.sound = nn.Embedding(NUM_IDS, hidden)
        self.marks = nn.Linear(3, hidden, bias=False)  # stressed, less so, opens a word
        self.convolutions = nn.ModuleList(
            nn.Conv1d(hidden, hidden, kernel_size=5, padding=2) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.weight = nn.Linear(hidden, 1)
        self.silence = nn.Parameter(torch.randn(hidden) / hidden**0.5)
        self.vector = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, sites["vector"]))
        self.tokens = nn.Linear(hidden, sites["tokens"]) if "tokens" in sites else None
        self.length = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1))

    def encode(
        self,
        features: dict[str, Tensor],
        present: Tensor,  # noqa: ARG002  (words hold for the whole window)
        num_frames: int,  # noqa: ARG002
    ) -> dict[Site, Tensor]:
        """Encode ``phonemes`` (B, N, 4), of whose columns the last is not looked at."""
        states, mask = self._states(features)
        batch = len(states)
        pooled = torch.cat([self.silence.expand(batch, 1, -1), states], dim=1)
        real = F.pad(mask, (1, 0), value=True)
        logits = self.weight(pooled).squeeze(-1).masked_fill(~real, float("-inf"))
        out: dict[Site, Tensor] = {
            "vector": self.vector((logits.softmax(dim=1)[..., None] * pooled).sum(dim=1))
        }
        if self.tokens is not None:
            out["tokens"] = self.tokens(states)
        return out

    def predict(self, features: dict[str, Tensor]) -> Tensor:
        """Return the length of each sound (B, N), as the logarithm of frames at 100 Hz."""
        out: Tensor = self.length(self._states(features)[0]).squeeze(-1)
        return out

    def loss(self, features: dict[str, Tensor], present: Tensor) -> Tensor | None:
        """Return the squared error of predicted log lengths; None where no length is known.

        It is the mean over the rows of each row's mean, 0 where a row knows none.
        """
        seconds = features["phonemes"][..., 3]
        known = features["phonemes_mask"] & (seconds > 0) & present.any(dim=1)[:, None]
        if not known.any():
            return None
        wanted = (seconds * FRAME_RATE).clamp(min=1).log()
        errors = (self.predict(features).float() - wanted).square() * known
        return (errors.sum(1) / known.sum(1).clamp(min=1)).mean()

    def _states(self, features: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Each sound among its neighbours (B, N, C), zeros where there is none; and which are."""
        told, mask = features["phonemes"], features["phonemes_mask"]
        marks = torch.stack([told[..., 1] == 1, told[..., 1] == 2, told[..., 2] > 0], dim=-1)
        real = mask[..., None].to(self.silence.dtype)
        x = (self.sound(told[..., 0].long()) + self.marks(marks.to(real.dtype))) * real
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = (x + F.silu(convolution(norm(x).mul(real).mT).mT)) * real
        return x, mask
