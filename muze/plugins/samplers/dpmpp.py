"""DPM-Solver++ 2M sampler: second order, so that 20 steps do what DDIM takes 50 for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from muze import hookimpl
from muze.core.settings import Settings

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from muze.model.diffusion import Schedule


class DPMppSampler:
    """DPM-Solver++ (2M) with data prediction (Lu et al. 2022, arXiv:2211.01095)."""

    name: ClassVar = "dpmpp"
    api: ClassVar = 1

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def sample(
        self,
        denoise: Callable[[Tensor, float], Tensor],
        noise: Tensor,
        schedule: Schedule,
        num_steps: int,
        generator: Generator,  # noqa: ARG002  (deterministic)
        step_done: Callable[[int], None],
    ) -> Tensor:
        """Return latents shaped like ``noise`` (Algorithm 2)."""
        x, times = noise, schedule.times(num_steps)
        last_denoised, last_h = noise, 0.0
        for step in range(num_steps):
            alpha, sigma = schedule(times[step])
            next_alpha, next_sigma = schedule(times[step + 1])
            denoised = denoise(x, times[step])
            if next_sigma == 0:  # the log-SNR is infinite there; the solution's limit is x_0
                x = next_alpha * denoised
            else:
                h = math.log(next_alpha / next_sigma) - math.log(alpha / sigma)
                direction = denoised
                if step > 0:  # the first step has nothing to extrapolate from
                    direction = denoised + h / (2 * last_h) * (denoised - last_denoised)
                x = next_sigma / sigma * x - next_alpha * math.expm1(-h) * direction
                last_denoised, last_h = denoised, h
            step_done(step + 1)
        return x


@hookimpl
def muze_samplers() -> list[type[DPMppSampler]]:
    """Offer the DPM-Solver++ sampler."""
    return [DPMppSampler]
