"""A voice that does not tell its times is heard beside one that does."""

from ctypes.util import find_library

import numpy as np
import pytest

from muze.analysis.phonemizers import read_words
from muze.core.registry import Registry
from muze.core.voices import Spoken, slower
from muze.plugins.voices.espeak import EspeakVoice
from muze.testing.speaking import KnownVoice, speech
from muze.voice.spoken import divide
from muze.voice.syllables import read_line
from muze.voice.timed import with_times

needs_espeak = pytest.mark.skipif(
    find_library("espeak-ng") is None, reason="espeak-ng is not installed"
)


def test_told_times_are_kept():
    made = KnownVoice(KnownVoice.Config()).speak_timed("hold me", "Ada", "en")
    assert with_times(made, "hold me", "en", Registry([], [])) is made


@needs_espeak
@pytest.mark.slow  # numba compiles the warping
def test_times_are_heard_within_some_hundredths():
    pytest.importorskip("gruut")
    text = "follow the silver river"
    espeak = EspeakVoice(EspeakVoice.Config(speed=110, pitch=70))
    known = espeak.speak_timed(text, espeak.voices()[1], "en")
    heard = with_times(Spoken(known.audio), text, "en", Registry())
    line = read_line(text, "en")
    want = [part.vowel.start for part in divide(line, known.phones)]
    got = [part.vowel.start for part in divide(line, heard.phones)]
    assert np.median(np.abs(np.subtract(want, got))) < 0.04


def test_a_voice_that_reads_otherwise_is_laid_beside_the_words():
    pytest.importorskip("gruut")
    line = read_line("the river", "en")
    said = [phone for word in read_words("the river", "en") for phone in word.phones]
    exact = divide(line, speech(said).phones)
    assert [len(part.onset) for part in exact] == [1, 1, 1]
    left_out = divide(line, speech(said[:-1]).phones)  # the last vowel is not said
    assert left_out[2].vowel == left_out[1].vowel
    more = divide(line, speech([*said, said[-1]]).phones)
    assert more[2].vowel.end > exact[2].vowel.end
    assert more[2].glides


def test_a_backend_with_a_speed_is_slowed_and_another_left():
    voice = EspeakVoice(EspeakVoice.Config(speed=150, pitch=60))
    assert slower(voice, 0.8).config == EspeakVoice.Config(speed=120, pitch=60)
    known = KnownVoice(KnownVoice.Config())
    assert slower(known, 0.8) is known
