"""Griffin-Lim gives back the magnitudes it was told, where they were."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from muze.audio.mel import MelSettings, log_mel_array, mel_filters
from muze.core.errors import PluginError
from muze.plugins.vocoders import griffin_lim
from muze.plugins.vocoders.griffin_lim import GriffinLimVocoder, linear_magnitudes
from muze.testing import sounds, vocoder_checks

MEL = MelSettings()
QUICK = GriffinLimVocoder(GriffinLimVocoder.Config(num_iters=20))


@vocoder_checks("griffin_lim")
def test_griffin_lim_conforms(check):
    check()


def test_a_momentum_of_1_is_refused_before_the_render():
    with pytest.raises(ValidationError, match="less than 1"):
        GriffinLimVocoder.Config(momentum=1)
    most = GriffinLimVocoder(GriffinLimVocoder.Config(num_iters=1, momentum=0.999))
    assert np.isfinite(most.render(np.zeros((128, 9), np.float32))).all()


def test_clicks_come_back_within_half_a_hop():
    times = np.arange(0.1, 1.9, 1 / 3)
    samples = sounds.clicks(times, 2.0).samples[0]
    rendered = QUICK.render(log_mel_array(samples, MEL))
    for time in times:
        first = round(time * MEL.sample_rate)
        near = np.abs(rendered[first - 800 : first + 800])
        attack = int(np.argmax(near > near.max() / 2)) - 800
        assert abs(attack) <= MEL.hop_length / 2


def test_the_mel_of_the_render_is_near_the_mel_asked():
    asked = log_mel_array(sounds.chords(["C", "Am"], 0.5).samples[0], MEL)
    heard = log_mel_array(QUICK.render(asked), MEL)
    loud = asked > asked.max() - 6  # 52 dB down; below is what the windows leak
    assert np.abs(heard - asked)[loud].mean() < 0.25


def test_the_magnitudes_found_have_the_mel_given():
    mel = np.exp(log_mel_array(sounds.chords(["F#m7"], 0.3).samples[0], MEL))
    found = linear_magnitudes(mel, mel_filters(MEL).numpy())
    assert (found >= 0).all()
    assert np.abs(np.log(mel_filters(MEL).numpy() @ found) - np.log(mel)).mean() < 0.02


def test_pieces_join_without_a_gap(monkeypatch):
    log_mel = log_mel_array(sounds.chords(["C"], 1.0).samples[0], MEL)
    monkeypatch.setattr(griffin_lim, "PIECE", 50)
    rendered = QUICK.render(log_mel)
    seam = rendered[34 * 320 : 50 * 320]
    before = rendered[15 * 320 : 31 * 320]
    assert rendered.shape == (100 * 320,)
    assert seam.std() == pytest.approx(before.std(), rel=0.5)


def test_weights_of_another_vocoder_are_refused():
    with pytest.raises(PluginError, match="griffin_lim has no weights"):
        GriffinLimVocoder(GriffinLimVocoder.Config()).load(Path("vocos.safetensors"))
