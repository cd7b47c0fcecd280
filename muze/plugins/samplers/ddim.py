"""DDIM sampler: takes the noise found out again, to any lower time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from muze import hookimpl
from muze.core.settings import Settings

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from muze.model.diffusion import Schedule


class DDIMSampler:
    """Denoising diffusion implicit models (Song et al. 2021, arXiv:2010.02502)."""

    name: ClassVar = "ddim"
    api: ClassVar = 1

    class Config(Settings):
        """How much fresh noise each step adds."""

        eta: float = Field(
            0.0,
            ge=0,
            le=1,
            description="0 adds none, and the same noise gives the same song; 1 is DDPM.",
        )

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
        """Return latents shaped like ``noise`` (equations 12 and 16)."""
        import torch

        x, times = noise, schedule.times(num_steps)
        for step in range(num_steps):
            alpha, sigma = schedule(times[step])
            next_alpha, next_sigma = schedule(times[step + 1])
            denoised = denoise(x, times[step])
            found = (x - alpha * denoised) / sigma
            # standard deviation of x at the next time given x and x_0, with its noise kept fresh
            spread = next_sigma / sigma * math.sqrt(1 - (alpha / next_alpha) ** 2)
            fresh = self.config.eta * spread
            x = next_alpha * denoised + math.sqrt(next_sigma**2 - fresh**2) * found
            if fresh > 0:
                drawn = torch.randn(
                    x.shape, generator=generator, device=generator.device, dtype=x.dtype
                )
                x = x + fresh * drawn.to(x.device)
            step_done(step + 1)
        return x


@hookimpl
def muze_samplers() -> list[type[DDIMSampler]]:
    """Offer the DDIM sampler."""
    return [DDIMSampler]
