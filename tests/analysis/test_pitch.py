import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from muze.analysis import pitch
from muze.analysis.pitch import at_times, extractor_name, track_pitch
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.testing import sounds

RATE = 32000
NOTES = [57, 64, 60, None, 69, 50, 62, 67]


def line(notes=NOTES, seconds=0.5, harmonics=10, shy=()):
    """Harmonic notes, and their Hz at 100 frames a second; ``shy`` harmonics are left out."""
    t = np.arange(round(seconds * RATE)) / RATE
    tones = []
    for note in notes:
        hz = 0.0 if note is None else sounds.midi_to_hz(note)
        series = [np.sin(2 * np.pi * k * hz * t) / k for k in range(1, harmonics) if k not in shy]
        tones.append(np.sum(series, axis=0) * np.minimum(1, np.minimum(t, t[::-1]) / 0.01))
    samples = np.concatenate(tones)
    hertz = [0.0 if n is None else sounds.midi_to_hz(n) for n in notes]
    audio = Audio((samples / np.abs(samples).max() / 2).astype(np.float32)[None], RATE)
    return audio, np.repeat(hertz, round(seconds * 100))


def raw_pitch_accuracy(want, hz, voiced):
    near = voiced & (np.abs(1200 * np.log2(np.maximum(hz, 1) / np.maximum(want, 1))) < 50)
    return near[want > 0].mean()


@pytest.mark.parametrize(
    ("extractor", "least"),
    # pYIN is compiled first, and loses the third octave's leap
    [("swift_f0", 0.95), pytest.param("pyin", 0.9, marks=pytest.mark.slow)],
)
def test_a_line_of_notes_is_tracked(extractor, least):
    audio, want = line()
    hz, voiced = track_pitch(audio, TimeGrid.of_song(4.0), extractor)
    assert hz.dtype == np.float32
    assert voiced.dtype == bool
    assert ((hz > 0) == voiced).all()
    assert raw_pitch_accuracy(want, hz, voiced) >= least
    assert not voiced[155:195].any()  # the rest


@pytest.mark.skipif(find_spec("torchcrepe") is None, reason="needs muze[pitch]")
def test_crepe_tracks_a_line_of_notes():
    audio, want = line([57, 64, 40], 0.4)
    hz, voiced = track_pitch(audio, TimeGrid.of_song(1.2), "crepe_tiny")
    assert raw_pitch_accuracy(want, hz, voiced) >= 0.9


def test_crepe_listens_on_the_cpu_where_there_is_a_gpu_too(monkeypatch):
    used = []

    class Crepe(ModuleType):
        decode = SimpleNamespace(weighted_argmax=None)

        def predict(self, samples, rate, **told):
            used.append(told["device"])
            frames = samples.shape[1] // told["hop_length"] + 1
            return torch.full((1, frames), 220.0), torch.ones(1, frames)

    monkeypatch.setitem(sys.modules, "torchcrepe", Crepe("torchcrepe"))
    monkeypatch.setattr("muze.audio.torchaudio_import.torchaudio_import", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    hz, _ = track_pitch(line([57, 62], 0.3)[0], TimeGrid.of_song(0.6), "crepe_tiny")
    assert used == ["cpu"]
    assert np.median(hz) == 220


def test_what_repeats_is_voiced_though_the_tracker_doubts_it():
    t = np.arange(2 * RATE) / RATE
    saw = np.sum([np.sin(2 * np.pi * k * 44 * t) / k for k in range(1, 150)], axis=0)
    audio = Audio((saw / np.abs(saw).max() / 2).astype(np.float32)[None], RATE)
    grid = TimeGrid.of_song(2.0)
    hz, voiced = track_pitch(audio, grid)
    assert voiced[10:-10].mean() > 0.9
    assert np.median(hz[voiced]) == pytest.approx(44, rel=0.01)
    assert not track_pitch(sounds.noise(2.0), grid)[1].any()


def test_an_octave_is_told_by_the_period_where_the_fundamental_is_missing():
    audio, want = line([50, 53, 48, 55], 0.6, shy=(1,))
    hz, voiced = track_pitch(audio, TimeGrid.of_song(2.4))
    assert raw_pitch_accuracy(want, hz, voiced) >= 0.9


def test_silence_has_no_pitch_and_a_short_sound_is_heard():
    hz, voiced = track_pitch(sounds.silence(1.0), TimeGrid.of_song(1.0))
    assert not hz.any()
    assert not voiced.any()
    hz, voiced = track_pitch(line([60], 0.1)[0], TimeGrid.of_song(30.0).window(500, 10))
    assert hz.shape == voiced.shape == (10,)


def test_the_same_sound_gives_the_same_bits():
    audio, _ = line()
    first = track_pitch(audio, TimeGrid.of_song(4.0))
    pitch._tracked.cache_clear()
    second = track_pitch(audio, TimeGrid.of_song(4.0))
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_curve_glides_within_a_note_and_steps_between_notes():
    times = [0.0, 0.1, 0.2, 0.3, 0.4]
    hz, voiced = at_times([0.05, 0.14, 0.16, 0.24, 0.26, 0.36, 9], times, [220, 226, 440, 0, 110],
                          [True, True, True, False, True])  # fmt: skip
    assert hz[0] == pytest.approx(np.sqrt(220 * 226))
    np.testing.assert_allclose(hz[1:], [226, 440, 440, 0, 110, 110])
    assert voiced.tolist() == [True, True, True, True, False, True, True]


def test_a_missing_tracker_is_told_in_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcrepe", None)
    with pytest.raises(NotInstalledError, match=r'crepe needs torchcrepe.*pip install "muze\[pitc'):
        track_pitch(line([61], 0.3)[0], TimeGrid.of_song(0.3), "crepe")
    assert "CREPE full" in extractor_name("crepe")
