import pytest
import torch
from pydantic import ValidationError

from muze.model.conditioning import Conditions
from muze.model.unet import UNet, UNetSettings

FLAT = UNetSettings(
    latent_dim=4, model_channels=16, channel_mult=(1, 2), num_res_blocks=1, attention_levels=(1,),
    strides=((1, 2),), kernel=(1, 3), num_heads=2, expansion=2, context_dim=6, vector_dim=8,
    frames_dim=5, voice_dim=7,
)  # fmt: skip
HIGH = FLAT.model_copy(update={"strides": ((2, 2),), "kernel": (3, 3)})


@pytest.fixture
def wake():
    """Give zero-started weights some value, so that everything told can be heard."""

    def wake(settings):
        unet, generator = UNet(settings).eval(), torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in unet.parameters():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
        return unet

    return wake


def told(batch, frames, voice=False):
    numbers = torch.Generator().manual_seed(1)
    return Conditions(
        vector=torch.randn(batch, 8, generator=numbers),
        frames=torch.randn(batch, 5, frames, generator=numbers),
        tokens=torch.randn(batch, 3, 6, generator=numbers),
        tokens_mask=torch.ones(batch, 3, dtype=torch.bool),
        voice=torch.randn(batch, 7, generator=numbers) if voice else None,
    )


@pytest.mark.parametrize("length", [1, 7, 16, 33])
@pytest.mark.parametrize(("settings", "rows"), [(FLAT, 1), (HIGH, 4)])
def test_latents_of_any_length_come_back_in_their_shape(wake, settings, rows, length):
    x = torch.randn(2, 4, rows, length)
    with torch.inference_mode():
        out = wake(settings)(x, torch.tensor([0.1, 0.9]), told(2, length))
    assert out.shape == x.shape
    assert out.isfinite().all()


def test_a_fresh_network_predicts_nothing():
    x = torch.randn(1, 4, 1, 8)
    assert not UNet(FLAT)(x, torch.tensor([0.5]), told(1, 8)).any()


@pytest.mark.parametrize("what", ["vector", "frames", "tokens", "voice"])
def test_everything_it_is_told_changes_what_it_predicts(wake, what):
    unet, x, t = wake(FLAT), torch.randn(1, 4, 1, 8), torch.tensor([0.5])
    plain, other = told(1, 8, voice=True), told(1, 8, voice=True)
    setattr(other, what, getattr(other, what) + 1)
    with torch.inference_mode():
        assert not torch.allclose(unet(x, t, plain), unet(x, t, other))


def test_frame_conditions_act_where_they_are(wake):
    unet, x, t = wake(FLAT), torch.randn(1, 4, 1, 64), torch.tensor([0.5])
    plain, other = told(1, 64), told(1, 64)
    other.frames = other.frames.clone()
    other.frames[..., :8] += 1
    with torch.inference_mode():
        change = (unet(x, t, plain) - unet(x, t, other)).abs().mean((0, 1, 2))
    assert change[:8].mean() > 2 * change[32:].mean()


def test_time_changes_what_it_predicts(wake):
    unet, x = wake(FLAT), torch.randn(1, 4, 1, 8)
    with torch.inference_mode():
        early, late = (unet(x, torch.tensor([t]), told(1, 8)) for t in (0.1, 0.9))
    assert not torch.allclose(early, late)


def test_gradient_checkpointing_changes_no_gradient(wake):
    x, gradients = torch.randn(1, 4, 1, 8), []
    for saves in (False, True):
        settings = FLAT.model_copy(update={"use_gradient_checkpointing": saves})
        unet = wake(FLAT)
        unet.settings = settings
        unet.train()(x, torch.tensor([0.5]), told(1, 8)).square().mean().backward()
        gradients.append([p.grad for p in unet.parameters() if p.grad is not None])
    for plain, saved in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, saved)


def test_shapes_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match="one fewer than channel_mult"):
        UNetSettings(channel_mult=(1, 2))
    with pytest.raises(ValidationError, match="multiple of twice num_heads"):
        UNetSettings(model_channels=100)
