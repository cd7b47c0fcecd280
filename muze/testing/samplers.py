"""What every sampler must do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from muze.core.protocols import Sampler
from muze.model.diffusion import Schedule
from muze.testing.settings import check_config, check_light_import, require

SHAPE = (1, 4, 16, 64)
MEAN, SPREAD = 0.7, 0.4

Denoise = Callable[[Tensor, float], Tensor]


class SamplerCase:
    """A sampler under test."""

    def __init__(self, component: type[Sampler]) -> None:
        self.cls = component

    def sample(
        self,
        denoise: Denoise,
        num_steps: int,
        seed: int = 0,
        step_done: Callable[[int], None] = lambda _: None,
    ) -> Tensor:
        """Sample from noise of one seed with default settings."""
        generator = Generator().manual_seed(seed)
        noise = torch.randn(SHAPE, generator=generator)
        sampler = self.cls(self.cls.Config())
        return sampler.sample(denoise, noise, Schedule(), num_steps, generator, step_done)


def gaussian(x_t: Tensor, t: float) -> Tensor:
    """Return the best estimate of x_0 given x_t where x_0 is drawn from N(MEAN, SPREAD^2)."""
    alpha, sigma = Schedule()(t)
    gain = alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2)
    return MEAN + gain * (x_t - alpha * MEAN)


def check_repeats(case: SamplerCase) -> None:
    """The same seed gives the same bits, whatever torch's own generator does."""
    first = case.sample(gaussian, 10)
    state = torch.get_rng_state()
    second = case.sample(gaussian, 10)
    require(torch.equal(first, second), "the same seed gives other latents")
    require(
        torch.equal(state, torch.get_rng_state()),
        "it draws from torch's global generator; draw from the one given",
    )
    require(not torch.equal(first, case.sample(gaussian, 10, seed=1)), "the noise has no effect")


def check_point(case: SamplerCase) -> None:
    """When only one song is possible, that song comes out."""
    song = torch.linspace(-2, 2, 64).expand(SHAPE)
    for num_steps in (1, 2, 10):
        sampled = case.sample(lambda x, t: song, num_steps)  # noqa: ARG005
        require(sampled.shape == SHAPE, f"latents are {tuple(sampled.shape)}, the noise {SHAPE}")
        far = float((sampled - song).abs().max())
        require(far < 0.01, f"{num_steps} steps end {far:.3g} away from the only song there is")


def check_gaussian(case: SamplerCase) -> None:
    """Latents follow the distribution whose best denoiser is known."""
    sampled = case.sample(gaussian, 200)
    mean, spread = float(sampled.mean()), float(sampled.std())
    require(abs(mean - MEAN) < 0.03, f"the mean is {mean:.3f}, it should be {MEAN}")
    require(abs(spread - SPREAD) < 0.03, f"the deviation is {spread:.3f}, it should be {SPREAD}")


def check_steps(case: SamplerCase) -> None:
    """It denoises at falling times in (0, 1], tells each step, and leaves its input alone."""
    times: list[float] = []
    told: list[int] = []
    seen: list[tuple[Tensor, Tensor]] = []

    def denoise(x_t: Tensor, t: float) -> Tensor:
        times.append(float(t))
        seen.append((x_t, x_t.clone()))
        return gaussian(x_t, t)

    case.sample(denoise, 7, step_done=told.append)
    require(told == list(range(1, 8)), f"7 steps were told as {told}; want 1 to 7")
    require(all(0 < t <= 1 for t in times), f"times leave (0, 1]: {times}")
    require(times == sorted(times, reverse=True), f"times do not fall: {times}")
    kept = all(torch.equal(x, copy) for x, copy in seen)
    require(kept, "latents given to denoise, or the noise, are changed in place")


CHECKS = (
    check_config,
    check_light_import,
    check_repeats,
    check_point,
    check_gaussian,
    check_steps,
)
