import json

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.core.errors import MuzeError
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.header import part_of, part_settings
from muze.pipelines.train_vae import train
from muze.report import SilentReport


class StopAt(SilentReport):
    """Interrupts a training after so many of its steps."""

    def __init__(self, steps):
        self.steps = steps

    def task(self, description, total):
        done = 0

        def advance(steps=1):
            nonlocal done
            done += steps
            if description == "autoencoder" and done == self.steps:
                raise KeyboardInterrupt

        return advance


def losses(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())["losses"]


def weights(settings):
    return load_file(settings.run / "autoencoder" / "autoencoder.safetensors")


def test_a_trained_autoencoder_says_what_it_is_and_what_it_heard(vae):
    settings = part_settings(vae, "autoencoder", AutoencoderSettings)
    model = AudioVAE(settings)
    load_part(vae, "autoencoder", model)
    assert model.encode(torch.zeros(1, 128, 64))[0].shape == (1, 8, 1, 8)
    training = part_of(vae, "autoencoder")["training"]
    assert training == {"steps": 5, "hours_heard": 0.0, "seed": 0}


def test_losses_have_their_names(vae_settings, vae):
    rows = losses(vae_settings("vae"))
    assert len(rows) == 5
    assert set(rows[0]) == {"loss", "reconstruction", "kl"}


@pytest.mark.parametrize("linear", [False, True])
def test_an_interrupted_training_resumes_to_the_same_bits(vae_settings, linear):
    whole = vae_settings(f"vae-whole-{linear}", linear_start=linear)
    cut = vae_settings(f"vae-cut-{linear}", linear_start=linear)
    train(whole, SilentReport())
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(3))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert losses(whole) == losses(cut)
    ours, theirs = weights(whole), weights(cut)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_linear_start_begins_lower(vae_settings):
    for name, linear in (("vae-plain", False), ("vae-linear", True)):
        train(vae_settings(name, linear_start=linear, steps=1), SilentReport())
    plain, linear = (losses(vae_settings(name))[0]["loss"] for name in ("vae-plain", "vae-linear"))
    assert linear < 0.8 * plain


def test_a_training_can_start_from_a_model(vae_settings, vae):
    settings = vae_settings("vae-on", start=str(vae), learning_rate=1e-9, steps=1)
    train(settings, SilentReport())
    before, after = load_file(vae / "autoencoder.safetensors"), weights(settings)
    torch.testing.assert_close(after, before)


def test_crops_that_do_not_divide_are_told(vae_settings):
    with pytest.raises(MuzeError, match="crop_frames is 60; it must be a multiple of 8"):
        train(vae_settings("vae-odd", crop_frames=60), SilentReport())


def test_a_linear_start_that_cannot_be_is_told(vae_settings):
    deep = {"latent_dim": 4, "channels": [8, 16], "strides": [[2, 2]]}
    with pytest.raises(ValidationError, match="linear_start needs an autoencoder of one level"):
        vae_settings("vae-deep", autoencoder=deep, linear_start=True)
    with pytest.raises(ValidationError, match="exclude each other"):
        vae_settings("vae-both", start="somewhere", linear_start=True)
