import json

import pytest
import torch
from safetensors.torch import load_file

from muze.core.errors import CheckpointError
from muze.model.header import part_of, read_header
from muze.pipelines import train_diffusion
from muze.pipelines.assemble import assemble
from muze.pipelines.train_vae import train as train_vae
from muze.report import SilentReport


def test_a_model_holds_every_part_in_half_precision(model, vae):
    assert sorted(path.name for path in model.iterdir()) == [
        "autoencoder.safetensors", "denoiser.safetensors", "muze.json", "vocoder.safetensors",
    ]  # fmt: skip
    whole = load_file(vae / "autoencoder.safetensors")
    half = load_file(model / "autoencoder.safetensors")
    assert {value.dtype for value in half.values()} == {torch.float16}
    assert all(torch.equal(half[name], whole[name].half()) for name in whole)
    about = part_of(model, "autoencoder")
    assert about["trained_sha256"] == part_of(vae, "autoencoder")["sha256"] != about["sha256"]


def test_whole_precision_keeps_every_bit(tmp_path, vae):
    assemble(tmp_path / "m", {"autoencoder": vae})
    whole, kept = (load_file(f / "autoencoder.safetensors") for f in (vae, tmp_path / "m"))
    assert all(torch.equal(whole[name], kept[name]) for name in whole)


def test_a_part_can_be_exchanged_and_what_else_the_model_says_is_kept(tmp_path, vae, vocoder):
    out = tmp_path / "m"
    assemble(out, {"autoencoder": vae, "vocoder": vocoder}, "fp16")
    header = read_header(out) | {"evaluation": {"dropped": {}}}
    (out / "muze.json").write_text(json.dumps(header))
    assemble(out, {"vocoder": vocoder})
    again = read_header(out)
    assert list(again["parts"]) == ["autoencoder", "vocoder"]
    assert again["evaluation"] == {"dropped": {}}
    assert again["parts"]["autoencoder"] == header["parts"]["autoencoder"]
    assert again["parts"]["vocoder"]["sha256"] != header["parts"]["vocoder"]["sha256"]


def test_a_denoiser_of_another_autoencoder_is_told_and_nothing_written(
    tmp_path, vae_settings, denoiser
):
    other = vae_settings("vae-other", seed=9, steps=1)
    train_vae(other, SilentReport())
    with pytest.raises(CheckpointError, match="its denoiser was trained on another autoencoder"):
        assemble(
            tmp_path / "m", {"autoencoder": other.run / "autoencoder", "denoiser": denoiser}, True
        )
    assert not (tmp_path / "m").exists()


def test_a_denoiser_trained_on_a_shipped_model_goes_with_it(tmp_path, model, diffusion_settings):
    settings = diffusion_settings("on-shipped", vae=model, start=str(model), steps=1)
    train_diffusion.train(settings, SilentReport())
    assemble(tmp_path / "m", {"autoencoder": model, "denoiser": settings.run / "denoiser"}, True)
    assert set(read_header(tmp_path / "m")["parts"]) == {"autoencoder", "denoiser"}


@pytest.mark.parametrize(
    ("damage", "told"),
    [(lambda file: file.unlink(), "is missing"),
     (lambda file: file.write_bytes(file.read_bytes()[:-1]), "is damaged or was changed")],
)  # fmt: skip
def test_a_damaged_part_is_told(tmp_path, vae, damage, told):
    assemble(tmp_path / "m", {"autoencoder": vae})
    damage(tmp_path / "m" / "autoencoder.safetensors")
    with pytest.raises(CheckpointError, match=told):
        assemble(tmp_path / "n", {"autoencoder": tmp_path / "m"}, "fp16")


def test_a_part_that_is_not_there_is_told(tmp_path, vae):
    with pytest.raises(CheckpointError, match="has no denoiser; it has autoencoder"):
        assemble(tmp_path / "m", {"denoiser": vae}, "fp16")
