import json
import shutil

import numpy as np
import pytest
import torch

from muze.core.errors import CheckpointError, MuzeError, PluginError
from muze.pipelines.load import choose_device, load_model, load_vocoder, open_vocoder


@pytest.fixture
def copied(model, tmp_path):
    """A copy of the tiny model that may be damaged."""
    return shutil.copytree(model, tmp_path / "copied")


def rewrite(folder, change):
    header = json.loads((folder / "muze.json").read_text())
    change(header["parts"])
    (folder / "muze.json").write_text(json.dumps(header))


def test_a_model_decodes_latents_to_spectrograms(model, registry):
    loaded = load_model(model, registry, "cpu")
    assert loaded.time_stride == 8
    assert set(loaded.streams) >= {"chord", "beat", "text"}
    assert not loaded.denoiser.training
    with torch.inference_mode():
        assert loaded.decode(torch.zeros(1, 8, 1, 5)).shape == (1, 128, 40)


def test_a_stream_comes_with_the_settings_it_was_trained_with(model, registry):
    assert load_model(model, registry, "cpu").streams["chord"].injects() == {
        "vector": 8, "frames": 8,
    }  # fmt: skip


@pytest.mark.parametrize("part", ["autoencoder", "denoiser"])
def test_a_damaged_part_is_told_in_one_line(copied, registry, part):
    file = copied / f"{part}.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=f"{part}.safetensors: is damaged") as told:
        load_model(copied, registry, "cpu")
    assert "\n" not in str(told.value)


def test_an_autoencoder_alone_is_no_model(vae, registry):
    with pytest.raises(CheckpointError, match="has no denoiser; it has autoencoder"):
        load_model(vae, registry, "cpu")


def test_settings_a_stream_does_not_take_are_told(copied, registry):
    def change(parts):
        parts["denoiser"]["settings"]["streams"]["chord"]["depth"] = 3

    rewrite(copied, change)
    with pytest.raises(PluginError, match=r"stream chord \(muze .*\) .*: depth: unknown key"):
        load_model(copied, registry, "cpu")


def test_a_stream_that_is_not_installed_is_told(copied, registry):
    def change(parts):
        parts["denoiser"]["settings"]["streams"]["smell"] = {}

    rewrite(copied, change)
    with pytest.raises(PluginError, match="stream 'smell' is not installed"):
        load_model(copied, registry, "cpu")


def test_a_vocoder_gets_the_model_s_weights_and_size(model, registry, plan_of):
    vocoder = load_vocoder(plan_of(), model, registry)
    assert vocoder.config.dim == 16
    assert vocoder.render(np.zeros((128, 7), np.float32)).shape == (7 * 320,)


def test_a_plan_that_names_no_vocoder_takes_the_model_s_own(model, registry, plan_of):
    plan = plan_of().model_copy(update={"vocoder": None})
    assert load_vocoder(plan, model, registry).name == "vocos"


def test_a_weightless_vocoder_needs_no_part(vae, registry):
    assert open_vocoder("griffin_lim", {}, vae, registry).name == "griffin_lim"
    with pytest.raises(PluginError, match="vocos needs weights and this model has none"):
        open_vocoder("vocos", {}, vae, registry)


def test_a_damaged_vocoder_is_told(copied, registry):
    (copied / "vocoder.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"vocoder\.safetensors: is damaged"):
        open_vocoder("vocos", {}, copied, registry)


def test_a_device_that_is_not_there_is_told():
    assert choose_device("cpu") == "cpu"
    with pytest.raises(MuzeError, match="device 'quantum' is not on this machine; use cpu or auto"):
        choose_device("quantum")
