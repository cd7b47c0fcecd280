"""The specification's two tables of sizes, counted without allocating a weight."""

import pytest
import torch

from muze.model.autoencoder import AudioVAE
from muze.model.presets import AUTOENCODERS, MODELS
from muze.model.unet import UNet


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("8", 55), ("32", 56), ("64", 125), ("128", 224), ("128-light", 57), ("128-heavy", 889),
     ("256", 228)],
)  # fmt: skip
def test_an_autoencoder_has_the_size_it_should(name, wanted):
    with torch.device("meta"):
        counted = millions(AudioVAE(AUTOENCODERS[name]))
    print(f"autoencoder {name}: {counted:.1f}M, specification {wanted}M")
    assert counted == pytest.approx(wanted, rel=0.05)
    assert AUTOENCODERS[name].rows == 16


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("test", 722), ("default", 1100), ("large", 2800), ("xl", 2800), ("xxl", 6100)],
)
def test_a_u_net_has_the_size_it_should(name, wanted):
    with torch.device("meta"):
        counted = millions(UNet(MODELS[name].unet))
    print(f"U-Net {name}: {counted:.0f}M, specification {wanted}M")
    assert counted == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_s_u_net_takes_its_autoencoder_s_latents(name):
    preset = MODELS[name]
    assert preset.unet.latent_dim == preset.autoencoder.latent_dim


def test_the_starter_is_small_enough_to_ship():
    with torch.device("meta"):
        parts = AudioVAE(MODELS["starter"].autoencoder), UNet(MODELS["starter"].unet)
    assert sum(map(millions, parts)) < 27  # 16-bit floats: under 54 MB, the vocoder beside it
