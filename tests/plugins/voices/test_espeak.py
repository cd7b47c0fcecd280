"""espeak-ng says the words, in a process of its own, and tells when each sound is heard."""

import subprocess
from ctypes.util import find_library
from types import SimpleNamespace

import numpy as np
import pytest

from muze.analysis.phonemes import read_ipa
from muze.core.errors import NotInstalledError, PluginError
from muze.plugins.voices import espeak
from muze.plugins.voices.espeak import PLAIN, EspeakVoice
from muze.plugins.voices.espeak.child import NOT_SAID, NOT_THERE
from muze.testing import voice_checks

needs_espeak = pytest.mark.skipif(
    find_library("espeak-ng") is None, reason="espeak-ng is not installed"
)


@pytest.fixture
def voice():
    return EspeakVoice(EspeakVoice.Config())


def answers(monkeypatch, code, stdout=b"", stderr=b""):
    """Let espeak-ng's process end so."""
    done = SimpleNamespace(returncode=code, stdout=stdout, stderr=stderr)
    monkeypatch.setattr(espeak.subprocess, "run", lambda *_, **__: done)
    espeak._listed.cache_clear()
    monkeypatch.setattr(espeak, "_listed", espeak._listed.__wrapped__)


@needs_espeak
@voice_checks("espeak")
def test_espeak_conforms(check):
    check()


@needs_espeak
@pytest.mark.parametrize(
    ("text", "language", "said"),
    [("hold me", "en", "hoʊldmiː"),
     ("church", "en", "t͡ʃɜːt͡ʃ"),
     ("hold", "en-gb", "həʊld"),
     ("źdźbło", "pl", "ʑd͡ʑbwɔ"),
     ("la nuit", "fr", "lanyi"),
     ("まつ", "ja", "mat͡sɯ")],
)  # fmt: skip
def test_its_sounds_are_told_in_order(voice, text, language, said):
    told = "".join(span.phone for span in voice.speak_timed(text, PLAIN, language).phones)
    assert read_ipa(told) == read_ipa(said)


@needs_espeak
def test_a_hiss_is_heard_where_its_s_is_told(voice):
    spoken = voice.speak_timed("a sea of sand", PLAIN, "en")
    samples, rate = spoken.audio.mono, spoken.audio.sample_rate
    hiss = [span for span in spoken.phones if span.phone == "s"]
    assert len(hiss) == 2
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate) < 4000] = 0
    high = np.fft.irfft(spectrum, len(samples)) ** 2
    inside = sum(high[round(s.start * rate) : round(s.end * rate)].sum() for s in hiss)
    assert inside > 0.9 * high.sum()


@needs_espeak
def test_a_pause_is_a_gap(voice):
    phones = voice.speak_timed("hold, hold", PLAIN, "en").phones
    assert [span.phone for span in phones] == ["h", "oʊ", "l", "d"] * 2
    assert phones[4].start - phones[3].end > 0.1


@needs_espeak
def test_variants_speed_and_pitch_are_heard(voice):
    plain = voice.speak("hold me", PLAIN, "en")
    assert not np.array_equal(voice.speak("hold me", "f2", "en").samples, plain.samples)
    quick = EspeakVoice(EspeakVoice.Config(speed=300)).speak("hold me", PLAIN, "en")
    assert quick.duration < 0.7 * plain.duration
    high = EspeakVoice(EspeakVoice.Config(pitch=90)).speak("hold me", PLAIN, "en")
    assert not np.array_equal(high.samples, plain.samples)


@needs_espeak
def test_what_a_text_holds_is_not_obeyed(voice):
    plain = voice.speak("hold me", PLAIN, "en").samples
    for text in ("hold me\0", "<b>hold me</b>"):
        assert voice.speak(text, PLAIN, "en").samples.shape[1] >= plain.shape[1]
    assert "miː" not in [s.phone for s in voice.speak_timed("[[mi:]]", PLAIN, "en").phones]


@needs_espeak
def test_every_language_it_lists_has_a_voice(voice):
    spoken = voice.languages(PLAIN)
    assert {"en", "en-gb", "fr", "pl", "pt-br", "cmn", "yue"} <= set(spoken)
    for language in ("cmn", "fr", "pt-br", "nb"):
        assert voice.speak("la 1", PLAIN, language).duration > 0.2


def test_where_it_is_not_installed_one_line_says_so(voice, monkeypatch):
    answers(monkeypatch, NOT_THERE)
    with pytest.raises(NotInstalledError, match="on Debian: apt install espeak-ng"):
        voice.check()


@pytest.mark.parametrize(
    ("code", "stderr", "told"),
    [(NOT_SAID, b"", "cannot speak .no reason given"),
     (-11, b"one\nlast line\n", "cannot speak .last line")],
)  # fmt: skip
def test_a_process_that_fails_is_told(voice, monkeypatch, code, stderr, told):
    answers(monkeypatch, code, stderr=stderr)
    with pytest.raises(PluginError, match=told):
        voice.voices()


def test_a_process_that_hangs_is_told(voice, monkeypatch):
    def hang(command, **told):
        raise subprocess.TimeoutExpired(command, told["timeout"])

    answers(monkeypatch, 0)
    monkeypatch.setattr(espeak.subprocess, "run", hang)
    with pytest.raises(PluginError, match="did not speak within 120 s"):
        voice.voices()


@needs_espeak
def test_a_sound_that_muze_does_not_know_is_told(voice, monkeypatch):
    audio = voice.speak("la", PLAIN, "en")
    monkeypatch.setattr(EspeakVoice, "_say", lambda *_: (audio, [(0, "X")]))
    with pytest.raises(PluginError, match=r"espeak-ng says 'X' in 'lb': .* no sound of the IPA"):
        voice.speak_timed("la", PLAIN, "lb")
