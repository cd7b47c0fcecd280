"""Samplers find the known answer, at the known order of convergence."""

import math

import pytest
import torch

from muze.model.diffusion import Schedule
from muze.plugins.samplers.ddim import DDIMSampler
from muze.plugins.samplers.ddpm import DDPMSampler
from muze.plugins.samplers.dpmpp import DPMppSampler
from muze.testing import sampler_checks
from muze.testing.samplers import MEAN, SPREAD, gaussian


@sampler_checks("ddim")
def test_ddim_conforms(check):
    check()


@sampler_checks("ddpm")
def test_ddpm_conforms(check):
    check()


@sampler_checks("dpmpp")
def test_dpmpp_conforms(check):
    check()


class EvenSNR(Schedule):
    """Steps even in log-SNR, as the orders of convergence are stated for."""

    def times(self, num_steps):
        log_snr = [math.log(alpha / sigma) for alpha, sigma in map(self, (self.t_max, 1e-4))]
        at = [log_snr[0] + (log_snr[1] - log_snr[0]) * i / num_steps for i in range(num_steps)]
        return [*(math.atan(math.exp(-x)) * 2 / math.pi for x in at), 0.0]


def run(sampler, config, num_steps, schedule, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 1, 8, 8, generator=generator, dtype=torch.float64)
    sampled = sampler(sampler.Config(**config)).sample(
        gaussian, noise, schedule, num_steps, generator, lambda step: None
    )
    return noise, sampled


def error(sampler, num_steps, schedule):
    """Distance from the exact solution of the probability flow of a Gaussian."""
    noise, sampled = run(sampler, {}, num_steps, schedule)
    alpha, sigma = Schedule()(Schedule().t_max)
    exact = MEAN + SPREAD / math.hypot(alpha * SPREAD, sigma) * (noise - alpha * MEAN)
    return float((sampled - exact).abs().max())


@pytest.mark.parametrize(("sampler", "order"), [(DDIMSampler, 1), (DPMppSampler, 2)])
def test_the_error_falls_at_the_order_of_the_solver(sampler, order):
    measured = math.log2(error(sampler, 100, EvenSNR()) / error(sampler, 200, EvenSNR()))
    assert measured == pytest.approx(order, abs=0.25)


def test_twenty_second_order_steps_beat_fifty_of_first_order():
    assert error(DPMppSampler, 20, Schedule()) < error(DDIMSampler, 50, Schedule())


def test_without_eta_nothing_is_drawn():
    for sampler in (DDIMSampler, DPMppSampler):
        generator = torch.Generator().manual_seed(0)
        state = generator.get_state()
        sampler(sampler.Config()).sample(
            gaussian, torch.ones(1, 2), Schedule(), 5, generator, lambda step: None
        )
        assert torch.equal(generator.get_state(), state)


def test_ddim_with_eta_one_is_ddpm():
    _, ddim = run(DDIMSampler, {"eta": 1.0}, 20, Schedule())
    _, ddpm = run(DDPMSampler, {}, 20, Schedule())
    torch.testing.assert_close(ddim, ddpm)
    assert not torch.allclose(ddim, run(DDIMSampler, {}, 20, Schedule())[1])


@pytest.mark.parametrize("sampler", [DDIMSampler, DDPMSampler])
def test_fresh_noise_is_drawn_where_the_generator_lies_and_moved_to_the_latents(sampler):
    settings = {"eta": 1.0} if sampler is DDIMSampler else {}
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    sampled = sampler(sampler.Config(**settings)).sample(
        gaussian, torch.ones(1, 2, device="meta"), Schedule(), 5, generator, lambda step: None
    )
    assert sampled.device.type == "meta"  # which holds no numbers, so they came from elsewhere
    assert not torch.equal(generator.get_state(), before)
