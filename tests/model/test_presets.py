"""The presets fit together."""

import pytest
import torch

from muze.model.autoencoder import AudioVAE
from muze.model.presets import AUTOENCODERS, MODELS, autoencoder_preset
from muze.model.unet import UNet
from muze.pipelines.sizes import millions


@pytest.mark.parametrize("name", [name for name in AUTOENCODERS if name != "starter"])
def test_an_autoencoder_s_latents_have_sixteen_rows(name):
    assert AUTOENCODERS[name].rows == 16


@pytest.mark.parametrize("name", MODELS)
def test_a_model_s_u_net_takes_its_autoencoder_s_latents(name):
    preset = MODELS[name]
    assert preset.unet.latent_dim == preset.autoencoder.latent_dim


def test_the_starter_is_small_enough_to_ship():
    with torch.device("meta"):
        parts = AudioVAE(MODELS["starter"].autoencoder), UNet(MODELS["starter"].unet)
    assert sum(map(millions, parts)) < 27  # 16-bit floats: under 54 MB, the vocoder beside it


def test_a_preset_is_named_by_itself_or_by_a_model_it_belongs_to():
    assert autoencoder_preset("128-light") is AUTOENCODERS["128-light"]
    assert autoencoder_preset("large") is AUTOENCODERS["128"]
    assert autoencoder_preset("xl") is AUTOENCODERS["256"]
    assert autoencoder_preset("starter") is AUTOENCODERS["starter"]
    with pytest.raises(ValueError, match="no preset '128-heavi'; did you mean '128-heavy'"):
        autoencoder_preset("128-heavi")
    with pytest.raises(ValueError, match="known are test, default"):
        autoencoder_preset("?")
