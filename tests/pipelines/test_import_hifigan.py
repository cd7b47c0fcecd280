"""Published checkpoints become vocoders of muze, and what is none of them is told."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from muze.core.errors import CheckpointError
from muze.core.mel import MelSettings
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import save_part
from muze.model.header import part_of, read_header
from muze.pipelines.import_hifigan import folded, import_hifigan
from muze.pipelines.load import open_vocoder
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build

CONFIG = {
    "resblock": "1", "upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4],
    "upsample_initial_channel": 16, "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]], "num_mels": 80, "n_fft": 1024, "hop_size": 256,
    "win_size": 1024, "sampling_rate": 22050, "fmin": 0, "fmax": 8000, "fmax_for_loss": None,
    "segment_size": 8192,
}  # fmt: skip


def published(changes=None):
    """A generator as published: the same network, its weights normalised."""
    told = {**CONFIG, **(changes or {})}
    config = HifiGanVocoder.Config.model_validate(
        {
            **{k: v for k, v in told.items() if k in HifiGanVocoder.Config.model_fields},
            "resblock": int(told["resblock"]),
            "mel": {"sample_rate": 22050, "hop_length": 256, "num_mels": 80, "f_max": 8000},
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(config)
    for layer in network.modules():
        if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
            nn.init.normal_(layer.weight, 0, layer.weight[0].numel() ** -0.5)
            nn.utils.parametrizations.weight_norm(layer)
    return network


def old_names(weights):
    """As torch called normalised weights when the checkpoints were published."""
    return {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in weights.items()
    }


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint and its config.json, and return the former."""

    def write(weights, config=CONFIG, name="g_02500000"):
        torch.save(weights, tmp_path / name)
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path / name

    return write


@pytest.mark.parametrize("rename", [old_names, dict], ids=["old names", "new names"])
@pytest.mark.parametrize("resblock", ["1", "2"])
def test_a_published_generator_makes_the_same_sound_in_muze(checkpoint, tmp_path, rename, resblock):
    network = published({"resblock": resblock})
    path = checkpoint({"generator": rename(network.state_dict())}, {**CONFIG, "resblock": resblock})
    out = tmp_path / "voice"
    import_hifigan(path, None, out)
    about = part_of(out, "vocoder")
    assert about["name"] == "hifigan"
    assert about["training"]["imported"] == "g_02500000"
    assert about["settings"]["mel"] == {
        "sample_rate": 22050, "n_fft": 1024, "hop_length": 256, "num_mels": 80, "f_min": 0.0,
        "f_max": 8000.0, "floor": 1e-5,
    }  # fmt: skip
    log_mel = np.random.default_rng(0).normal(-3, 2, (80, 20)).astype(np.float32)
    vocoder = open_vocoder("hifigan", {}, out, Registry())
    with torch.no_grad():
        wanted = network(torch.from_numpy(log_mel)[None])[0].numpy()
    made = vocoder.render(log_mel)
    assert made.std() > 1e-3
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_a_config_s_missing_top_of_the_mel_is_half_the_rate(checkpoint, tmp_path):
    path = checkpoint(published().state_dict(), {**CONFIG, "fmax": None})
    import_hifigan(path, None, tmp_path / "voice", precision="fp16")
    assert part_of(tmp_path / "voice", "vocoder")["settings"]["mel"]["f_max"] == 11025


def test_weights_are_folded_length_times_direction():
    weights = {"a.weight_g": torch.tensor([[[2.0]]]), "a.weight_v": torch.tensor([[[3.0, 4.0]]]),
               "a.bias": torch.ones(1)}  # fmt: skip
    out = folded(weights)
    assert set(out) == {"a.weight", "a.bias"}
    torch.testing.assert_close(out["a.weight"], torch.tensor([[[1.2, 1.6]]]))
    del weights["a.weight_v"]
    with pytest.raises(CheckpointError, match=r"a\.weight_g without weight_v"):
        folded(weights)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"win_size": 800}, "win_size is 800 and n_fft 1024"),
        ({"upsample_rates": [8, 8, 2]}, "must multiply to the mel's hop_length, 256"),
        ({"num_mels": "many"}, "num_mels"),
        ({"upsample_initial_channel": 32}, "does not fit"),
        ({"resblock": "2"}, "does not fit"),
    ],
)
def test_a_config_that_does_not_fit_is_told(checkpoint, tmp_path, changes, told):
    path = checkpoint({"generator": published().state_dict()}, {**CONFIG, **changes})
    with pytest.raises(CheckpointError, match=f"config.json.*{told}|{told}.*config.json"):
        import_hifigan(path, None, tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_files_that_are_none_are_told(checkpoint, tmp_path):
    def told(path, config=None):
        with pytest.raises(CheckpointError) as fault:
            import_hifigan(path, config, tmp_path / "voice")
        return str(fault.value)

    path = checkpoint({"mpd": {}, "msd": {}, "steps": 1}, name="do_02500000")
    assert "holds no generator (it has mpd, msd, steps)" in told(path)
    assert "is missing; it came with the checkpoint" in told(path, tmp_path / "no.json")
    assert "cannot be read" in told(path, path)
    assert "is missing" in told(tmp_path / "g_1")
    path.write_bytes(b"no checkpoint")
    assert "no checkpoint of weights alone" in told(path)
    torch.save({"generator": {"conv_post.bias": torch.full((1,), torch.nan)}}, path)
    assert "conv_post.bias is not finite" in told(path)


def test_code_in_a_checkpoint_is_not_run(checkpoint, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = checkpoint({"generator": Trap()})
    with pytest.raises(CheckpointError, match="no checkpoint of weights alone"):
        import_hifigan(path, None, tmp_path / "voice")
    assert not (tmp_path / "sprung").exists()


def test_it_is_not_put_beside_an_autoencoder_of_another_mel(checkpoint, tmp_path):
    settings = AutoencoderSettings(latent_dim=2, channels=(4,), patch=(128, 8), strides=())
    save_part(tmp_path / "m", "autoencoder", AudioVAE(settings), settings, {})
    before = read_header(tmp_path / "m")
    path = checkpoint({"generator": published().state_dict()})
    with pytest.raises(
        CheckpointError, match=r"autoencoder's mel has sample_rate 32000.*hears sample_rate 22050"
    ):
        import_hifigan(path, None, tmp_path / "m")
    assert read_header(tmp_path / "m") == before


def test_it_is_put_beside_an_autoencoder_of_its_mel(checkpoint, tmp_path):
    mel = MelSettings(sample_rate=22050, hop_length=256, num_mels=80, f_min=0, f_max=8000,
                      floor=1e-5)  # fmt: skip
    settings = AutoencoderSettings(mel=mel, latent_dim=2, channels=(4,), patch=(80, 8), strides=())
    save_part(tmp_path / "m", "autoencoder", AudioVAE(settings), settings, {})
    import_hifigan(checkpoint({"generator": published().state_dict()}), None, tmp_path / "m")
    assert set(read_header(tmp_path / "m")["parts"]) == {"autoencoder", "vocoder"}
