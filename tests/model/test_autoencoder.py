import pytest
import torch
from pydantic import ValidationError

from muze.model.autoencoder import (
    AudioVAE,
    AutoencoderSettings,
    kl_divergence,
    reconstruction_loss,
)

LINEAR = AutoencoderSettings(
    latent_dim=6, channels=(16,), num_res_blocks=2, patch=(128, 4), strides=(), kernel=(1, 3)
)
DEEP = AutoencoderSettings(
    latent_dim=4, channels=(8, 16), num_res_blocks=1, patch=(4, 2), strides=((4, 2),)
)


@pytest.mark.parametrize(("settings", "latents"), [(LINEAR, (2, 6, 1, 8)), (DEEP, (2, 4, 8, 8))])
def test_its_settings_tell_the_shape_of_the_latents(settings, latents):
    model, mel = AudioVAE(settings), torch.randn(2, 128, 32)
    made, mean, log_variance = model(mel, torch.randn(latents))
    assert made.shape == mel.shape
    assert mean.shape == log_variance.shape == latents
    assert (settings.rows, 32 // settings.time_stride) == latents[2:]
    assert settings.latent_rate == 100 / settings.time_stride


def test_noise_is_as_loud_as_the_variance_says():
    model, mel = AudioVAE(DEEP), torch.randn(1, 128, 16)
    noise = torch.randn(1, 4, 8, 4)
    made, mean, log_variance = model(mel, noise)
    assert torch.equal(made, model.decode(mean + noise * (0.5 * log_variance).exp()))
    assert torch.equal(model(mel, torch.zeros_like(noise))[0], model.decode(mean))


def test_gradient_checkpointing_changes_no_gradient():
    mel, noise, gradients = torch.randn(1, 128, 16), torch.randn(1, 4, 8, 4), []
    plain = AudioVAE(DEEP).train()
    saving = AudioVAE(DEEP.model_copy(update={"use_checkpoint": True})).train()
    saving.load_state_dict(plain.state_dict())
    for model in (plain, saving):
        model(mel, noise)[0].square().mean().backward()
        gradients.append([p.grad for p in model.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradient_checkpointing_keeps_less_in_memory():
    """What a pass leaves for the way back: with it, what goes into each layer and no more."""
    settings = DEEP.model_copy(update={"num_res_blocks": 4})
    mel, noise, kept = torch.randn(1, 128, 16), torch.randn(1, 4, 8, 4), []

    def keep(tensor):
        kept[-1] += tensor.nbytes
        return tensor

    for saves in (False, True):
        kept.append(0)
        model = AudioVAE(settings.model_copy(update={"use_checkpoint": saves})).train()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(mel, noise)[0].square().mean().backward()
    plain, saving = kept
    assert saving < 0.35 * plain


def test_a_linear_start_gives_back_a_low_rank_spectrogram_exactly():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(500, 6, generator=generator)
    patches = (mixed @ torch.randn(6, 512, generator=generator)).view(500, 128, 4) - 4
    model = AudioVAE(LINEAR).eval()
    model.start_linear(patches)
    song = torch.cat(list(patches[:5]), dim=-1)[None]
    with torch.no_grad():
        made = model.decode(model.encode(song)[0])
    torch.testing.assert_close(made, song, atol=1e-3, rtol=1e-3)


def test_a_linear_start_is_principal_component_analysis():
    generator = torch.Generator().manual_seed(0)
    # variances told apart, so that the leading components are certain
    spread = torch.linspace(3, 0.01, 512)
    turn = torch.linalg.qr(torch.randn(512, 512, generator=generator))[0]
    patches = ((torch.randn(2000, 512, generator=generator) * spread) @ turn).view(-1, 128, 4)
    model = AudioVAE(LINEAR).eval()
    model.start_linear(patches)
    flat = patches.flatten(1)
    centred = flat - flat.mean(0)
    components = torch.linalg.svd(centred, full_matrices=False)[2][:6]
    projected = (centred @ components.T @ components + flat.mean(0)).view_as(patches)
    with torch.no_grad():
        mean, log_variance = model.encode(patches[:20])
        made = model.decode(mean)
    torch.testing.assert_close(made, projected[:20], atol=1e-3, rtol=1e-3)
    assert (log_variance == -6).all()
    with torch.no_grad():
        everywhere = model.encode(patches)[0]
    torch.testing.assert_close(everywhere.mean((0, 2, 3)), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(everywhere.var((0, 2, 3)), torch.ones(6), atol=1e-2, rtol=0)


def test_shapes_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match="one fewer than channels"):
        AutoencoderSettings(channels=(8, 16), strides=())
    with pytest.raises(ValidationError, match="divide the 128 mel bands"):
        AutoencoderSettings(channels=(8,), strides=(), patch=(100, 4))


def test_the_loss_counts_error_and_blur_in_both_directions():
    settings = AutoencoderSettings(mel_std=2.0)
    wanted = torch.zeros(1, 128, 8)
    assert float(reconstruction_loss(wanted + 2, wanted, settings)) == pytest.approx(1)
    stripes = torch.zeros(1, 128, 8)
    stripes[:, ::2] = 2
    assert float(reconstruction_loss(stripes, wanted, settings)) == pytest.approx(0.5 + 1)
    beats = torch.zeros(1, 128, 8)
    beats[..., ::2] = 2
    assert float(reconstruction_loss(beats, wanted, settings)) == pytest.approx(0.5 + 0.3)


def test_the_kl_divergence_of_a_standard_normal_is_none():
    zeros = torch.zeros(2, 3, 1, 4)
    assert float(kl_divergence(zeros, zeros)) == 0
    assert float(kl_divergence(zeros + 2, zeros)) == pytest.approx(2)
