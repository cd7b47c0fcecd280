"""DDPM sampler: draws each step from its distribution given the last."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from muze import hookimpl
from muze.core.settings import Settings

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from muze.model.diffusion import Schedule


class DDPMSampler:
    """Ancestral sampling (Ho et al. 2020, arXiv:2006.11239); wants more steps than the others."""

    name: ClassVar = "ddpm"
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
        generator: Generator,
        step_done: Callable[[int], None],
    ) -> Tensor:
        """Return latents shaped like ``noise`` (Algorithm 2, posterior of equation 7)."""
        import torch

        x, times = noise, schedule.times(num_steps)
        for step in range(num_steps):
            alpha, sigma = schedule(times[step])
            next_alpha, next_sigma = schedule(times[step + 1])
            denoised = denoise(x, times[step])
            kept = alpha / next_alpha  # x_t = kept x_next + noise of variance ``added``
            added = sigma**2 - (kept * next_sigma) ** 2
            mean_x = kept * next_sigma**2 / sigma**2
            mean_denoised = next_alpha * added / sigma**2
            x = mean_x * x + mean_denoised * denoised
            if next_sigma > 0:
                spread = next_sigma / sigma * math.sqrt(added)
                drawn = torch.randn(
                    x.shape, generator=generator, device=generator.device, dtype=x.dtype
                )
                x = x + spread * drawn.to(x.device)
            step_done(step + 1)
        return x


@hookimpl
def muze_samplers() -> list[type[DDPMSampler]]:
    """Offer the DDPM sampler."""
    return [DDPMSampler]
