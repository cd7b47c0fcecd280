"""Long songs: windows denoised together, their overlapping estimates averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Shapes: B batch, C channels, H latent rows, W latent frames of the song, w of a window


@dataclass(frozen=True)
class Windows:
    """Equal windows over a song, each sharing at least ``overlap`` frames with the next.

    At every step each window is denoised by itself and the estimates are averaged where they
    overlap (Bar-Tal et al. 2023, MultiDiffusion, arXiv:2302.08113), so length costs time and not
    memory, and there is no seam.
    """

    length: int
    starts: tuple[int, ...]
    total: int

    @classmethod
    def over(cls, total: int, longest: int, overlap: int) -> Windows:
        """Return the fewest windows of at most ``longest`` frames over ``total`` frames."""
        if total <= longest:
            return cls(total, (0,), total)
        count = math.ceil((total - overlap) / (longest - overlap))
        length = min(longest, math.ceil((total + (count - 1) * overlap) / count))
        starts = [round(k * (total - length) / (count - 1)) for k in range(count)]
        return cls(length, tuple(starts), total)

    def weights(self) -> Tensor:
        """Return how much each window counts at each of its frames, shape (count, length).

        Each rises and falls in a straight line over what it shares with its neighbours; over the
        song the weights sum to one everywhere.
        """
        ramp = torch.minimum(torch.arange(self.length), torch.arange(self.length).flip(0)) + 1.0
        raw = ramp.clamp(max=self._shared()).repeat(len(self.starts), 1)
        return raw / self._sum(raw)

    def join(self, parts: list[Tensor]) -> Tensor:
        """Average windows (B, C, H, w) into a song (B, C, H, W)."""
        weights = self.weights()
        song = parts[0].new_zeros(*parts[0].shape[:-1], self.total)
        for part, start, weight in zip(parts, self.starts, weights, strict=True):
            song[..., start : start + self.length] += part * weight.to(part)
        return song

    def _shared(self) -> float:
        if len(self.starts) == 1:
            return 1.0
        return float(max(1, self.length - (self.starts[1] - self.starts[0])))

    def _sum(self, raw: Tensor) -> Tensor:
        total = torch.zeros(self.total)
        for row, start in zip(raw, self.starts, strict=True):
            total[start : start + self.length] += row
        return torch.stack([total[start : start + self.length] for start in self.starts])
