import pytest
import torch
from torch.nn import functional as F

from muze.core.errors import CheckpointError
from muze.core.registry import Registry
from muze.model.conditioning import Drawn
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.unet import UNetSettings

UNET = UNetSettings(
    latent_dim=4, model_channels=48, channel_mult=(1, 2), num_res_blocks=1, attention_levels=(1,),
    strides=((1, 2),), kernel=(1, 3), num_heads=2, expansion=2, context_dim=8, vector_dim=16,
    frames_dim=4, voice_dim=12,
)  # fmt: skip
FRAMES, LATENTS = 64, 8


def two(width, numbers):
    """Two embeddings of length 1."""
    return F.normalize(torch.randn(2, width, generator=numbers), dim=1)


def told(name):
    """Two songs told otherwise by one stream, all of whose arrays hold for the whole song."""
    numbers = torch.Generator().manual_seed(0)
    features = {
        "voice": {
            "resemblyzer": two(256, numbers), "ecapa": two(192, numbers),
            "given": torch.tensor([[1.0, 1.0], [1.0, 0.0]]),
        },
        "clap": {
            "audio": two(512, numbers), "text": two(512, numbers),
            "given": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        },
        "artist": {"artist": F.one_hot(torch.tensor([7, 430]), 1000).float()},
    }[name]  # fmt: skip
    return {name: Drawn(features, torch.ones(2, FRAMES, dtype=torch.bool))}


def denoiser(*names, unet=UNET):
    registry = Registry()
    streams = {}
    for name in names:
        cls = registry.get("stream", name)
        streams[name] = cls(cls.Config())
    settings = DenoiserSettings(unet=unet, streams={name: {} for name in names})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Denoiser(settings, streams)


def awake(model):
    """Give zero-started weights some value, so that everything told can be heard."""
    numbers = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=numbers))
    return model


def latents():
    x = torch.randn(1, 4, 1, LATENTS, generator=torch.Generator().manual_seed(2))
    return x.expand(2, -1, -1, -1), torch.full((2,), 0.5)


@pytest.mark.parametrize("name", ["voice", "clap", "artist"])
def test_a_stream_of_the_whole_song_reaches_the_network_and_learns(name):
    model, (x, t) = awake(denoiser(name)), latents()
    out = model(x, t, told(name))
    assert not torch.allclose(out[0], out[1], atol=1e-4)
    assert not torch.allclose(out, model(x, t, {}), atol=1e-4)
    out.square().sum().backward()
    still = [
        key for key, p in model.conditioning.encoders[name].named_parameters()
        if not key.startswith("null.") and (p.grad is None or not p.grad.any())
    ]  # fmt: skip
    assert still == []


def test_the_voice_is_attended_to_at_every_level():
    model, (x, t) = awake(denoiser("voice")), latents()
    model(x, t, told("voice")).square().sum().backward()
    gates = [p.grad for key, p in model.unet.named_parameters() if key.endswith("voice.gate")]
    assert len(gates) == 7  # two levels down, the middle, and two stages at each level up
    assert all(grad is not None and grad.any() for grad in gates)


def test_at_first_a_voice_changes_nothing():
    model, (x, t) = denoiser("voice"), latents()
    torch.testing.assert_close(model(x, t, told("voice")), model(x, t, {}), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["voice", "clap", "artist"])
def test_a_small_run_learns_to_follow_it(name):
    model, (x, t) = denoiser(name), latents()
    target = torch.stack([torch.ones(4, 1, LATENTS), -torch.ones(4, 1, LATENTS)])
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(30):
        optimizer.zero_grad()
        F.mse_loss(model(x, t, told(name)), target).backward()
        optimizer.step()
    with torch.inference_mode():
        followed = F.mse_loss(model(x, t, told(name)), target)
        dropped = F.mse_loss(model(x, t, {}), target)
    assert followed < 0.1
    assert dropped > 0.5


def test_a_model_without_voice_stream_attention_refuses_the_stream():
    deaf = UNET.model_copy(update={"use_voice_stream": False})
    with pytest.raises(CheckpointError, match="voice enters by voice stream attention, which"):
        denoiser("voice", unet=deaf)


def test_a_voice_added_to_a_model_that_heard_none_learns():
    model, (x, t), drawn = denoiser("artist"), latents(), told("voice")
    before = model(x, t, {})
    cls = Registry().get("stream", "voice")
    model.add_stream("voice", cls(cls.Config()))
    assert torch.equal(model(x, t, {}), before)
    assert torch.equal(model(x, t, drawn), before)
    model.requires_grad_(False)
    brought = model.brought_by("voice")
    for weight in brought:
        weight.requires_grad_(True)
    with torch.no_grad():
        model.unet.conv_out.weight.normal_(generator=torch.Generator().manual_seed(3))
    optimiser = torch.optim.Adam(brought, 0.01)
    wanted = torch.stack([torch.ones_like(x[0]), -torch.ones_like(x[0])])
    errors = []
    for _ in range(40):
        optimiser.zero_grad()
        error = (model(x, t, drawn) - wanted).square().mean()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    out = model(x, t, drawn)
    assert errors[-1] < 0.9 * errors[0]
    assert not torch.allclose(out[0], out[1], atol=1e-3)
