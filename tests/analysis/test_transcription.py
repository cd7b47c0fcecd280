from importlib.util import find_spec

import numpy as np
import pytest

from muze.analysis import transcription
from muze.analysis.transcription import HOP, SAMPLE_RATE, hear_notes, transcriber_name
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.testing import sounds

installed = pytest.mark.skipif(find_spec("basic_pitch") is None, reason="needs basic-pitch")


@pytest.fixture(autouse=True)
def fresh():
    """Forget what was heard, and the network, before and after."""
    transcription._heard.cache_clear()
    transcription._session.cache_clear()
    yield
    transcription._heard.cache_clear()
    transcription._session.cache_clear()


def plucked(notes, duration):
    """Harmonic notes that fade, each (pitch, start)."""
    t = np.arange(round(duration * 32000)) / 32000
    out = np.zeros(len(t))
    for pitch, start in notes:
        at, hz = t - start, sounds.midi_to_hz(pitch)
        series = sum(np.sin(2 * np.pi * k * hz * at) / k for k in range(1, 8))
        out += np.where(at >= 0, series * np.exp(-np.maximum(at, 0) / 0.3), 0)
    return Audio((0.3 * out / np.abs(out).max()).astype(np.float32)[None], 32000)


@installed
def test_struck_notes_are_heard_where_they_are_struck():
    notes = [(60, 0.2), (64, 0.7), (67, 1.2), (72, 1.7), (55, 2.6), (59, 2.6)]
    audio = plucked(notes, 3.5)
    heard = hear_notes(audio)
    assert len(heard) <= 10  # a click of a new note may strike the old one again
    for pitch, start in notes:
        assert any(n.pitch == pitch and abs(n.start - start) < 0.05 for n in heard), (pitch, start)
    transcription._heard.cache_clear()
    assert hear_notes(audio) == heard


def test_silence_has_no_notes():
    assert hear_notes(sounds.silence(1.0)) == ()


def test_a_note_lasts_to_the_next_strike_or_to_silence(monkeypatch):
    likely = np.zeros((2, 88, 100), np.float32)
    likely[0, 39, 10:50] = 0.8  # C4 sounds, and is struck twice
    likely[1, 39, [10, 30]] = 0.9
    likely[0, 43, 60:70] = 0.8  # never struck
    monkeypatch.setattr(transcription, "_likelihoods", lambda samples: likely)
    frame = HOP / SAMPLE_RATE
    first, second = hear_notes(sounds.sine(440, 1.0))
    assert first == (60, pytest.approx(10 * frame), pytest.approx(30 * frame))
    assert second == (60, pytest.approx(30 * frame), pytest.approx(50 * frame))


def test_without_basic_pitch_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setattr(transcription, "LIBRARY", "no-such-pitch")
    with pytest.raises(NotInstalledError, match="pip install --no-deps no-such-pitch"):
        hear_notes(sounds.sine(440, 0.5))
    assert transcriber_name() == "Basic Pitch (basic-pitch, not installed)"
