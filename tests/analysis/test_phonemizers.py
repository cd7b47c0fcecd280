import shutil
import subprocess
import sys

import pytest

from muze.analysis import phonemizers
from muze.analysis.phonemizers import (
    ESPEAK,
    GRUUT,
    LANGUAGES,
    known_language,
    read_words,
    reader_of,
)
from muze.core.errors import ManifestError, MuzeError, NotInstalledError

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="no espeak-ng here")


@pytest.fixture(autouse=True)
def _forget():
    """No test may find what another has read."""
    read_words.cache_clear()
    yield
    read_words.cache_clear()


def spoken(text, language="en", phonemizer="auto"):
    return {
        word.text: "".join(map(str, word.phones)) for word in read_words(text, language, phonemizer)
    }


def test_gruut_reads_english():
    assert spoken("Headlights paint the rain, don't!") == {
        "Headlights": "hˈɛdlˌaɪts", "paint": "pˈeɪnt", "the": "ðə", "rain": "ɹˈeɪn",
        "don't": "dˈoʊnt",
    }  # fmt: skip


def test_a_number_is_read_as_its_words():
    assert [word.text for word in read_words("24 hours")] == ["twenty", "four", "hours"]


@needs_espeak
def test_espeak_reads_what_gruut_lacks():
    assert spoken("W Szczebrzeszynie", "pl") == {"W": "f", "Szczebrzeszynie": "ʃt͡ʃˌɛbʒɛʃˈɨɲɛ"}
    # 1984 is more words than are written: then they are told by their sounds
    assert len(read_words("rok 1984", "pl")) > 2


@needs_espeak
def test_espeak_reads_english_where_it_is_named():
    assert spoken("rain", "en", "espeak") == {"rain": "ɹˈeɪn"}


@needs_espeak
@pytest.mark.parametrize("text", ["-v de", "$(touch x); `ls` | cat", "[[h@l]] <break/>", "--help"])
def test_no_text_is_a_command_to_espeak(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_words(text, "pl")
    assert list(tmp_path.iterdir()) == []


def test_text_goes_to_espeak_through_stdin_and_no_shell(monkeypatch):
    called = {}

    def run(command, **how):
        called.update(command=command, **how)
        return subprocess.CompletedProcess(command, 0, "tˈak".encode(), b"")

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert spoken("tak", "pl") == {"tak": "tˈak"}
    assert called["command"][-3:] == ["-v", "pl", "--stdin"]
    assert "tak" not in called["command"]
    assert called["input"] == b"tak"
    assert not called.get("shell")


def test_who_reads_a_language_does_not_depend_on_what_is_installed():
    assert not set(GRUUT) & set(ESPEAK)
    assert {reader_of(language) for language in GRUUT} == {"gruut"}
    assert {reader_of(language) for language in ESPEAK} == {"espeak"}
    assert reader_of("en", "espeak") == "espeak"


def test_without_gruut_its_extra_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "gruut", None)
    with pytest.raises(NotInstalledError, match=r'\'en\' need gruut: pip install "muze\[lyrics\]"'):
        read_words("rain")


def test_without_a_language_of_gruut_s_its_package_is_told(monkeypatch):
    monkeypatch.setattr(phonemizers, "_has_package", lambda name: False)
    with pytest.raises(NotInstalledError, match=r'pip install "gruut\[de\]"'):
        read_words("Regen", "de")


def test_without_espeak_it_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotInstalledError, match=r"'pl' need espeak-ng .*apt install") as told:
        read_words("deszcz", "pl")
    assert "\n" not in str(told.value)


def test_what_espeak_says_of_itself_is_told(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, b"", b"Error: no voice\n")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", lambda command, **how: failed)
    with pytest.raises(MuzeError, match="espeak-ng cannot read 'pl': Error: no voice"):
        read_words("deszcz", "pl")


def test_a_sound_outside_the_inventory_names_itself_its_word_and_the_text(monkeypatch):
    heard = subprocess.CompletedProcess([], 0, "tˈQk".encode(), b"")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", lambda command, **how: heard)
    with pytest.raises(ManifestError, match=r"espeak reads 'tak' \(pl\) so: 'Q' in 'tˈQk'"):
        read_words("tak", "pl")


@pytest.mark.parametrize(("code", "known"), [("EN", "en"), ("pt_BR", "pt-br"), (" pl ", "pl")])
def test_languages_have_one_spelling(code, known):
    assert known_language(code) == known


@pytest.mark.parametrize(
    ("code", "near"), [("polish", "pl"), ("english", "en"), ("eng", "en"), ("zh", "cmn")]
)
def test_an_unknown_language_is_told_with_the_nearest(code, near):
    with pytest.raises(ValueError, match=f"unknown language '{code}'; did you mean '{near}'"):
        known_language(code)


def test_a_language_like_none_is_told_with_all_there_are():
    with pytest.raises(ValueError, match=f"known are {LANGUAGES[0]}, "):
        known_language("klingon")


@pytest.mark.parametrize("text", ["", "  ", "...", "[]"])
def test_no_words_are_no_words(text):
    assert read_words(text) == ()
