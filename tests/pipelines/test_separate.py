"""The trained separator is chosen where its weights are there; what stands in for it says so."""

import logging
from importlib.metadata import version

import numpy as np
import pytest

from muze.core.errors import NotInstalledError, PluginError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.separate import choose_separator, vocals_of
from muze.testing import sounds


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine on which Demucs has downloaded nothing."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_without_weights_another_separator_says_that_it_is_none_that_was_trained(nowhere, caplog):
    with caplog.at_level(logging.WARNING, "muze"):
        separator, label = choose_separator(Registry())
    assert separator.name == "foreground"
    tracker = f"swift-f0 {version('swift-f0')}"
    assert label == f"harmonics of the foreground pitch ({tracker}), no trained separator"
    (told,) = caplog.messages
    assert label in told
    assert "`hf download adefossez/HTDemucs` fetches them" in told


def test_demucs_is_chosen_where_its_weights_are_and_runs_where_it_is_told(nowhere, caplog):
    weights = nowhere / "torch/hub/checkpoints/955717e8-8726e21a.th"
    weights.parent.mkdir(parents=True)
    weights.touch()
    separator, label = choose_separator(Registry(), device="cuda")
    assert (separator.name, separator.config.device) == ("demucs", "cuda")
    assert label == f"Demucs htdemucs (demucs {version('demucs')})"
    assert not caplog.messages


def test_one_that_is_named_is_taken_or_its_lack_is_told(nowhere):
    assert choose_separator(Registry(), "foreground")[0].name == "foreground"
    with pytest.raises(NotInstalledError, match="hf download"):
        choose_separator(Registry(), "demucs")
    with pytest.raises(PluginError, match="did you mean 'demucs'"):
        choose_separator(Registry(), "demux")


class Halves:
    """A separator that gives half of the mix to everyone."""

    name = "halves"

    def __init__(self, *names):
        self.names = names

    def separate(self, audio):
        """Return the stems."""
        half = Audio(audio.samples / 2, audio.sample_rate)
        return dict.fromkeys(self.names, half)


def test_vocals_are_one_channel_as_long_as_the_mix():
    one, other = sounds.sine(220.0, 0.5).samples, sounds.sine(330.0, 0.5).samples
    mix = Audio(np.concatenate([one, other]), 44100)
    vocals = vocals_of(mix, Halves("drums", "vocals"))
    assert (vocals.samples.shape, vocals.sample_rate) == (one.shape, 44100)
    np.testing.assert_allclose(vocals.samples, (one + other) / 4, atol=1e-7)
    with pytest.raises(PluginError, match="halves gives no vocals, only drums, bass"):
        vocals_of(mix, Halves("drums", "bass"))
