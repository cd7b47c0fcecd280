"""Tests of latents that are kept beside a dataset."""

import json
import shutil

import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.data.store import read_dataset
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.header import part_of, part_settings, trained_sha256
from muze.pipelines import latents, train_diffusion
from muze.pipelines.latents import encode_dataset, encode_with, latents_folder, stored_latents
from muze.report import SilentReport


@pytest.fixture
def copied(dataset, tmp_path):
    """The dataset in a folder of its own."""
    shutil.copytree(dataset.parent, tmp_path / "own")
    return tmp_path / "own" / dataset.name


@pytest.fixture
def model(vae):
    found = AudioVAE(part_settings(vae, "autoencoder", AutoencoderSettings))
    load_part(vae, "autoencoder", found)
    return found.eval()


def test_kept_latents_are_those_a_training_would_work_out(
    copied, vae, model, diffusion_settings, runs, monkeypatch
):
    settings = diffusion_settings("kept", dataset=copied)
    fresh = train_diffusion.dataset_latents(settings, model, SilentReport())
    folder = encode_with(copied, str(vae), "cpu", SilentReport())
    assert folder == latents_folder(copied, trained_sha256(part_of(vae, "autoencoder")))
    monkeypatch.setattr(train_diffusion, "dataset_mels", lambda *_: pytest.fail("worked out"))
    kept = train_diffusion.dataset_latents(settings, model, SilentReport())
    assert len(kept) == len(fresh) == 3
    for a, b in zip(kept, fresh, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_what_is_missing_is_encoded_and_a_changed_file_is_missing(
    copied, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(latents, "SHARD_BYTES", 1)  # a shard a track

    def encode():
        return encode_dataset(read_dataset(copied), model, "a" * 64, tmp_path, SilentReport())

    folder = encode()
    index = json.loads((folder / "index.json").read_text())
    assert sorted(index) == ["00000.safetensors", "00001.safetensors", "00002.safetensors"]
    encode()
    assert json.loads((folder / "index.json").read_text()) == index
    audio = copied.parent / "audio" / "1.wav"
    audio.write_bytes(audio.read_bytes())  # another time of change
    assert stored_latents(read_dataset(copied), model, "a" * 64) is None
    encode()
    assert len(json.loads((folder / "index.json").read_text())) == 4
    assert len(stored_latents(read_dataset(copied), model, "a" * 64)) == 3


def test_latents_of_another_autoencoder_are_not_taken(copied, model, tmp_path):
    encode_dataset(read_dataset(copied), model, "a" * 64, tmp_path, SilentReport())
    assert stored_latents(read_dataset(copied), model, "b" * 64) is None


def test_a_damaged_shard_is_told(copied, model, tmp_path):
    folder = encode_dataset(read_dataset(copied), model, "a" * 64, tmp_path, SilentReport())
    (folder / "00000.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DatasetError, match=r"00000\.safetensors: is damaged"):
        stored_latents(read_dataset(copied), model, "a" * 64)
