"""The Vocos vocoder loads what it is given, and renders any length alike."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from muze.core.errors import CheckpointError, PluginError
from muze.plugins.vocoders import vocos
from muze.plugins.vocoders.vocos import VocosVocoder
from muze.plugins.vocoders.vocos.network import LOUDEST, LOWEST, STEPS, build
from muze.testing.vocoders import CHECKS, VocoderCase

TINY = VocosVocoder.Config(dim=16, intermediate_dim=32, num_layers=2)


def save(config, path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(build(config).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of the default size."""
    return save(VocosVocoder.Config(), tmp_path_factory.mktemp("vocos") / "vocos.safetensors")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_vocos_conforms(check, weights):
    check(VocoderCase(VocosVocoder, weights))


def test_a_song_rendered_in_pieces_is_the_song_rendered_whole(tmp_path, monkeypatch):
    vocoder = VocosVocoder(TINY)
    vocoder.load(save(TINY, tmp_path / "tiny.safetensors"))
    log_mel = np.random.default_rng(0).normal(-3, 2, (128, 200)).astype(np.float32)
    whole = vocoder.render(log_mel)
    monkeypatch.setattr(vocos, "PIECE", 37)
    np.testing.assert_allclose(vocoder.render(log_mel), whole, atol=1e-6)


def test_every_weight_learns_also_under_autocast():
    network = build(TINY)
    with torch.autocast("cpu", torch.bfloat16):
        samples = network(torch.randn(2, 128, 16))
    assert (samples.shape, samples.dtype) == ((2, 16 * 320), torch.float32)
    samples.square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_the_head_can_give_a_full_scale_sine():
    head = build(TINY).head
    t = torch.arange(1024 + 320 * 9) / 32000
    sine = torch.sin(2 * math.pi * 1000 * t)  # on a bin: 1000 Hz is 32 of 31.25 Hz
    spectrum = torch.stft(
        sine, 1024, 320, window=torch.hann_window(1024), center=False, return_complex=True
    )
    assert spectrum.abs().max() < math.exp(LOUDEST)
    torch.testing.assert_close(head.istft(spectrum[None])[0], sine[352:-352], atol=1e-3, rtol=0)


def test_frames_alone_do_not_ring_at_the_frame_rate():
    network = build(TINY)
    with torch.no_grad():
        network.tones.amplitude.bias.fill_(-30)
        samples = network._frames(torch.randn(1, 1, TINY.dim).expand(1, 100, -1), first=0)[0]
    spectrum = torch.fft.rfft(samples).abs().square()  # a second of sound: bins of 1 Hz
    on_the_frame_rate = spectrum[100:8000:100].sum() / spectrum[51:8050].sum()
    assert on_the_frame_rate < 0.03  # all of it, were the frames in step


def test_a_tone_runs_on_at_its_own_frequency_from_any_frame():
    tones = build(TINY).tones
    with torch.no_grad():
        tones.amplitude.bias.fill_(-30)
        tones.amplitude.bias[4 * STEPS] = math.log(0.5)  # C5, no multiple of the frame rate
        whole = tones(torch.zeros(1, 100, TINY.dim), first=0)[0]
        later = tones(torch.zeros(1, 40, TINY.dim), first=60)[0]
    spectrum = torch.fft.rfft(whole * torch.hann_window(len(whole))).abs()
    assert spectrum.argmax() == round(16 * LOWEST)  # a second of sound: bins of 1 Hz
    assert whole[320:-320].abs().max() == pytest.approx(0.5, abs=1e-3)
    torch.testing.assert_close(later[320:], whole[61 * 320 :], atol=1e-6, rtol=0)


def test_missing_weights_are_told():
    with pytest.raises(PluginError, match="needs weights"):
        VocosVocoder(TINY).load(None)
    with pytest.raises(PluginError, match="before its weights"):
        VocosVocoder(TINY).render(np.zeros((128, 4), np.float32))


def test_damaged_or_foreign_weights_are_told(tmp_path, weights):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:1000])
    for path in (damaged, tmp_path / "missing.safetensors", weights):
        with pytest.raises(CheckpointError, match=path.name):
            VocosVocoder(TINY).load(path)
