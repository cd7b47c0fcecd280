"""A mark is heard again, also in an MP3 and softer, and nowhere else; it is not heard by ear."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from muze.audio.io import encode_audio, read_audio, resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.voice import watermark
from muze.voice.watermark import MARKED, UNSURE, about_watermark, heard_mark, mark

RATE = 32_000
pytestmark = pytest.mark.skipif(find_spec("perth") is None, reason="needs resemble-perth")


@pytest.fixture(scope="module")
def sung():
    """A voice of harmonics in formants that moves from note to note, with noise between."""
    rng = np.random.default_rng(3)
    t = np.arange(4 * RATE) / RATE
    note = np.array([0, 4, 7, 5, 2, 9, 7, 0])[(t * 2).astype(int)]
    f0 = 150 * 2 ** (note / 12) * (1 + 0.005 * np.sin(2 * np.pi * 5.5 * t))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    formant = np.array([(700, 1100), (300, 2300), (500, 900), (400, 2000)])[(t * 3).astype(int) % 4]
    wave = sum(
        np.sin(k * phase)
        * (np.exp(-(((k * f0 - formant[:, 0]) / 150) ** 2))
           + 0.5 * np.exp(-(((k * f0 - formant[:, 1]) / 200) ** 2)) + 0.02)
        for k in range(1, 30)
    )  # fmt: skip
    wave = wave * np.clip(np.sin(2 * np.pi * t), 0.05, 1) + 0.01 * rng.standard_normal(len(t))
    return Audio((0.4 * wave / np.abs(wave).max()).astype(np.float32)[None], RATE)


@pytest.fixture(scope="module")
def marked(sung):
    return mark(sung)


def test_a_mark_is_heard_and_where_there_is_none_it_is_not(sung, marked):
    assert heard_mark(marked) >= MARKED
    assert heard_mark(sung) < UNSURE


def test_it_outlasts_an_mp3_another_rate_and_another_level(tmp_path, marked):
    path = tmp_path / "a.mp3"
    path.write_bytes(encode_audio(path, marked))
    assert heard_mark(read_audio(path)) >= MARKED
    assert heard_mark(resample(marked, 44_100)) >= MARKED
    assert heard_mark(Audio(0.2 * marked.samples, RATE)) >= MARKED


def test_the_sound_stays_as_it_was_but_for_the_mark(sung, marked):
    assert marked.samples.shape == sung.samples.shape
    assert marked.samples.dtype == np.float32
    change = marked.samples - sung.samples
    assert 10 * np.log10((sung.samples**2).sum() / (change**2).sum()) > 10
    spectrum = np.abs(np.fft.rfft(change[0])) ** 2
    high = np.fft.rfftfreq(change.shape[1], 1 / RATE) > 2200
    assert spectrum[high].sum() < 0.02 * spectrum.sum()  # the mark lies below 2 kHz


def test_channels_rates_and_lengths_are_kept(sung):
    stereo = np.repeat(resample(sung, 22_050).samples, 2, axis=0)[:, :30_001]
    both = mark(Audio(np.ascontiguousarray(stereo), 22_050))
    assert both.samples.shape == stereo.shape
    assert both.sample_rate == 22_050
    assert np.abs(both.samples).max() <= 1


def test_silence_and_what_is_too_short_are_left_as_they_are():
    for length in (1000, RATE):
        nothing = Audio(np.zeros((1, length), np.float32), RATE)
        assert not mark(nothing).samples.any()
        assert heard_mark(nothing) == 0.0


def test_the_same_sound_is_marked_alike(sung, marked):
    assert np.array_equal(mark(sung).samples, marked.samples)


def test_without_the_package_it_is_told_how_to_get_it(monkeypatch, sung):
    monkeypatch.setattr(watermark, "find_spec", lambda name: None)
    for call in (about_watermark, lambda: mark(sung), lambda: heard_mark(sung)):
        with pytest.raises(NotInstalledError, match=r'pip install "muze\[watermark\]"'):
            call()


def test_nothing_is_loaded_to_tell_who_marks():
    before = set(sys.modules)
    assert about_watermark().startswith("PerTh implicit (resemble-perth ")
    assert not any(name.startswith("perth") for name in set(sys.modules) - before)
