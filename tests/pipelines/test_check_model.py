"""A model folder is checked: whole, fitting, computing; each fault where it stands."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from muze.model.checkpoint import write_weights
from muze.model.header import read_header, weights_file, write_header
from muze.pipelines.check_model import check_model


@pytest.fixture
def copied(model, tmp_path):
    return shutil.copytree(model, tmp_path / "model")


@pytest.fixture
def faults(copied, registry):
    """Return what is told of the copy, after it was changed, by what was looked at."""

    def faults(change=None):
        header = read_header(copied)
        if change is not None:
            change(header)
            write_header(copied, header)
        checked = list(check_model("mine", copied, registry))
        assert len(checked) >= 1
        return {one.what: one.fault for one in checked if one.fault is not None}

    return faults


def test_a_whole_model_has_no_fault(copied, registry):
    checked = list(check_model("mine", copied, registry))
    assert [one.fault for one in checked] == [None] * len(checked)
    told = " ".join(one.what for one in checked)
    for what in ("autoencoder", "denoiser", "vocoder", "streams", "one step is finite", "sound"):
        assert what in told


def test_damaged_and_missing_files_are_all_told(copied, faults):
    file = weights_file(copied, "denoiser")
    file.write_bytes(file.read_bytes()[:-1])
    weights_file(copied, "autoencoder").unlink()
    found = faults()
    assert "is missing" in found["autoencoder: its file is whole"]
    assert "is damaged or was changed" in found["denoiser: its file is whole"]


def test_another_version_of_a_stream_and_another_autoencoder_are_told_at_once(faults):
    def change(header):
        denoiser = header["parts"]["denoiser"]
        denoiser["streams"]["chord"]["feature_version"] = 99
        denoiser["autoencoder_sha256"] = "f" * 64

    found = faults(change)
    assert "model mine was trained on version 99" in found.pop(
        "streams: installed, in the versions it was trained with"
    )
    assert found.pop("denoiser: trained on this autoencoder").startswith(
        "it was trained on ffffffffffff, and this is "
    )
    assert found == {}


def test_a_vocoder_of_another_mel_is_told(faults):
    def change(header):
        header["parts"]["vocoder"]["settings"]["mel"] = {"num_mels": 80}

    assert "vocoder: hears what the autoencoder makes" in faults(change)


def test_settings_that_do_not_fit_the_weights_are_told(faults):
    def change(header):
        header["parts"]["denoiser"]["settings"]["unet"]["vector_dim"] = 64

    assert "does not fit the denoiser" in faults(change)["autoencoder and denoiser: load"]


def test_weights_that_are_not_finite_are_told(copied, faults):
    tensors = load_file(weights_file(copied, "denoiser"))
    tensors["unet.conv_out.bias"][0] = torch.nan
    write_weights(copied, read_header(copied), [("denoiser", tensors)])
    assert faults() == {"denoiser: one step is finite": "what it predicts from noise is not finite"}


def test_a_folder_that_lacks_a_part_songs_need_is_told(vae, registry):
    found = {one.what: one.fault for one in check_model("mine", vae, registry)}
    assert "has no denoiser" in found["denoiser: its file is whole"]
    assert found["autoencoder: its file is whole"] is None
