"""The mathematics of diffusion: schedule, what the network predicts, loss weights, guidance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, overload

import torch
from pydantic import Field
from torch import Generator, Tensor

from muze.core.settings import Settings

# Shapes: B batch; x_0, x_t, noise and predictions are (B, ...), t is (B,) or one number

T_MIN = 1e-3  # nearer to 0 there is no noise to tell from the song, and nothing to learn
T_MAX = 1 - 1e-3  # at 1 alpha is 0: x_t says nothing of x_0, and its log-SNR is infinite
T_MAX_EPSILON = 0.98  # from a predicted noise x_0 is found by dividing by alpha, here .03


@dataclass(frozen=True)
class Schedule:
    """The variance-preserving cosine schedule (Nichol & Dhariwal 2021, arXiv:2102.09672, s = 0).

    x_t = alpha x_0 + sigma noise, with alpha = cos(pi t / 2) and sigma = sin(pi t / 2).
    """

    t_max: float = T_MAX
    """Where sampling starts."""

    @overload
    def __call__(self, t: float) -> tuple[float, float]: ...
    @overload
    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]: ...

    def __call__(self, t: float | Tensor) -> tuple[float, float] | tuple[Tensor, Tensor]:
        """Return (alpha, sigma) at time t in [0, 1], as floats or shaped like ``t``."""
        if isinstance(t, Tensor):
            return torch.cos(t * (math.pi / 2)), torch.sin(t * (math.pi / 2))
        return math.cos(t * (math.pi / 2)), math.sin(t * (math.pi / 2))

    def times(self, num_steps: int) -> list[float]:
        """Return the times of a sampler of ``num_steps``, evenly from ``t_max`` down to 0."""
        return [self.t_max * (1 - step / num_steps) for step in range(num_steps + 1)]


class Diffusion(Settings):
    """What the network predicts and how its errors are weighted; saved in the checkpoint."""

    prediction: Literal["v", "epsilon"] = Field("v", description="What the network predicts.")
    weighting: Literal["none", "min_snr"] = Field(
        "none", description="Weight of the squared error over time."
    )
    min_snr_gamma: float = Field(5.0, gt=0, description="Where min_snr caps the SNR.")

    @property
    def schedule(self) -> Schedule:
        """The schedule this model is trained and sampled on."""
        return Schedule(T_MAX if self.prediction == "v" else T_MAX_EPSILON)

    def draw_times(self, batch: int, generator: Generator) -> Tensor:
        """Return times for a training batch, one from each B-th of [T_MIN, T_MAX], shape (B,).

        Spread so, the loss varies less than with independent times (Kingma et al. 2021,
        arXiv:2107.00630, appendix I.1).
        """
        offset = torch.rand((), generator=generator, device=generator.device)
        at = (torch.arange(batch, device=generator.device) + offset) / batch
        return T_MIN + (T_MAX - T_MIN) * at

    def diffuse(self, x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return x_t: ``x_0`` with noise mixed in up to time ``t``."""
        alpha, sigma = self._at(t, x_0)
        return alpha * x_0 + sigma * noise

    def target(self, x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return what the network should predict.

        epsilon: the noise (Ho et al. 2020); v: alpha noise - sigma x_0 (Salimans & Ho 2022,
        arXiv:2202.00512).
        """
        if self.prediction == "epsilon":
            return noise
        alpha, sigma = self._at(t, x_0)
        return alpha * noise - sigma * x_0

    def to_x0(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Return the clean latents that a prediction at ``x_t`` implies."""
        alpha, sigma = self._at(t, x_t)
        if self.prediction == "epsilon":
            return (x_t - sigma * prediction) / alpha
        return alpha * x_t - sigma * prediction

    def weight(self, t: Tensor) -> Tensor:
        """Return the weight of each squared error, in [0, max(1, gamma)], shape (B,).

        min_snr caps the weight on x_0's error at gamma (Hang et al. 2023, arXiv:2303.09556):
        min(SNR, gamma) / SNR for epsilon, min(SNR, gamma) / (SNR + 1) for v. As SNR is
        alpha^2 / sigma^2 and alpha^2 + sigma^2 is 1, neither needs the SNR itself.
        """
        if self.weighting == "none":
            return torch.ones_like(t)
        alpha, sigma = self.schedule(t)
        if self.prediction == "epsilon":
            return (self.min_snr_gamma * sigma**2 / alpha**2).clamp(max=1)
        return torch.minimum(alpha**2, self.min_snr_gamma * sigma**2)

    def _at(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma) in ``like``'s precision and shaped to multiply it."""
        alpha, sigma = self.schedule(t.reshape(-1, *[1] * (like.ndim - 1)))
        return alpha.to(like.dtype), sigma.to(like.dtype)


def guided(
    given: Tensor,
    dropped: Tensor,
    weight: float,
    without: Mapping[str, Tensor],
    weights: Mapping[str, float],
) -> Tensor:
    """Return ``dropped + weight (given - dropped) + sum_s weights[s] (given - without[s])``.

    ``given`` is predicted with every condition, ``dropped`` with none (Ho & Salimans 2022,
    arXiv:2207.12598), ``without[s]`` with all but stream s. Predictions of x_0, v or noise alike.
    """
    out = dropped + weight * (given - dropped)
    for stream, missing in without.items():
        out = out + weights[stream] * (given - missing)
    return out
