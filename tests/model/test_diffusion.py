"""Schedule, targets, weights and guidance give the exact answers of their papers."""

import math

import pytest
import torch

from muze.model.diffusion import T_MAX_EPSILON, T_MIN, Diffusion, Schedule, guided


def song_and_noise():
    generator = torch.Generator().manual_seed(0)
    x_0, noise = torch.randn(2, 5, 3, 4, 8, generator=generator, dtype=torch.float64)
    return x_0, noise


def test_the_schedule_is_a_quarter_turn():
    schedule = Schedule()
    assert schedule(0.0) == (1.0, 0.0)
    assert schedule(1.0) == pytest.approx((0.0, 1.0))
    assert schedule(0.5) == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))
    alpha, sigma = schedule(torch.linspace(0, 1, 11))
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones(11))
    assert (float(alpha[3]), float(sigma[3])) == pytest.approx(schedule(0.3))


def test_sampling_times_fall_evenly_to_zero():
    assert Schedule(0.8).times(4) == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    assert Schedule().times(7)[-1] == 0


@pytest.mark.parametrize(
    ("prediction", "times"),
    [("v", [0.0, T_MIN, 0.3, 0.999, 1.0]), ("epsilon", [0.0, T_MIN, 0.3, 0.9, T_MAX_EPSILON])],
)
def test_the_target_tells_the_song_back(prediction, times):
    diffusion, (x_0, noise) = Diffusion(prediction=prediction), song_and_noise()
    t = torch.tensor(times, dtype=torch.float64)
    x_t = diffusion.diffuse(x_0, noise, t)
    torch.testing.assert_close(diffusion.to_x0(diffusion.target(x_0, noise, t), x_t, t), x_0)


def test_v_is_the_rate_of_change_along_the_quarter_turn():
    diffusion, (x_0, noise) = Diffusion(), song_and_noise()
    t, h = torch.full((5,), 0.4, dtype=torch.float64), 1e-6
    slope = (diffusion.diffuse(x_0, noise, t + h) - diffusion.diffuse(x_0, noise, t - h)) / (2 * h)
    torch.testing.assert_close(diffusion.target(x_0, noise, t) * math.pi / 2, slope)


def test_epsilon_starts_where_alpha_can_be_divided_by():
    assert Diffusion(prediction="epsilon").schedule(T_MAX_EPSILON)[0] > 0.03
    assert Diffusion(prediction="epsilon").schedule.times(10)[0] == T_MAX_EPSILON


def test_min_snr_weighs_both_predictions_as_the_same_error_of_the_song():
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    alpha, sigma = Schedule()(t)
    snr = (alpha / sigma) ** 2
    capped = snr.clamp(max=5)
    v = Diffusion(weighting="min_snr").weight(t)
    epsilon = Diffusion(prediction="epsilon", weighting="min_snr").weight(t)
    torch.testing.assert_close(v, capped / (snr + 1))
    torch.testing.assert_close(epsilon, capped / snr)


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_weights_are_finite_at_both_ends(prediction):
    ends = torch.tensor([0.0, 1.0])
    weight = Diffusion(prediction=prediction, weighting="min_snr").weight(ends)
    expected = {"v": [0.0, 0.0], "epsilon": [0.0, 1.0]}[prediction]
    torch.testing.assert_close(weight, torch.tensor(expected))
    assert (Diffusion(prediction=prediction).weight(ends) == 1).all()


def test_training_times_are_spread_and_repeat_with_the_seed():
    first, second = (Diffusion().draw_times(16, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert ((first > 0) & (first < 1)).all()
    torch.testing.assert_close(first.diff(), torch.full((15,), 0.998 / 16))


def test_guidance_is_the_stated_sum():
    e, e_0, no_chord, no_beat = (torch.full((2, 3), x) for x in (5.0, 1.0, 3.0, 4.5))
    out = guided(e, e_0, 3.0, {"chord": no_chord, "beat": no_beat}, {"chord": 2.0, "beat": -1.0})
    assert (out == 1 + 3 * 4 + 2 * 2 - 0.5).all()
    assert torch.equal(guided(e, e_0, 1.0, {}, {}), e)
    assert torch.equal(guided(e, e_0, 0.0, {}, {}), e_0)
