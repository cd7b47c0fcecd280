"""Registered voices lie in folders of their own, whole or not at all, and leave nothing behind."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.errors import ManifestError, VoiceError
from muze.voice.consent import read_consent
from muze.voice.registry import CARD, FOLDER, VoiceRegistry, checked_name, voices_folder


@pytest.fixture
def added(voices, consent_file, me):
    consent = read_consent(consent_file(), [me])
    return voices.add("Zoë 美空", [me], consent, {"seconds": 4.0}, np.eye(256, dtype=np.float32)[3])


def test_a_voice_is_found_with_its_recording_its_consent_and_its_embedding(added, voices, me):
    found = voices.find("Zoë 美空")
    assert voices.names() == ["Zoë 美空"]
    assert [path.read_bytes() for path in found.references] == [me.read_bytes()]
    assert found.consent().speaker == "Ada Quist"
    assert found.embedding()[3] == 1
    assert found.card.quality == {"seconds": 4.0}


def test_it_outlives_the_recording_it_was_made_of(added, voices, me):
    me.unlink()
    assert voices.find("Zoë 美空").consent().id == added.consent().id


def test_only_its_owner_may_read_it(added):
    assert added.folder.stat().st_mode & 0o077 == 0


def test_a_name_is_found_however_its_letters_are_written(added, voices):
    for name in (unicodedata.normalize("NFD", "Zoë 美空"), "zoë 美空", " ZOË 美空 "):
        assert voices.find(name).name == "Zoë 美空"
        with pytest.raises(VoiceError, match="is registered already"):
            voices.check_free(name)


def test_one_that_is_not_there_is_told(added, voices):
    with pytest.raises(VoiceError, match="no voice 'Zoe 美空' is registered; did you mean 'Zoë"):
        voices.find("Zoe 美空")
    with pytest.raises(VoiceError, match="'x' is registered; there are Zoë 美空; `muze voices add"):
        voices.find("x")


def test_there_is_none_before_the_first(voices):
    assert voices.names() == []
    with pytest.raises(VoiceError, match="there is none yet"):
        voices.find("x")


def test_removing_takes_every_file(added, voices, tmp_path):
    removed = voices.remove(added)
    assert [path.name for path in removed] == [
        "consent.yaml", "embedding.safetensors", "reference-1.wav", "voice.json",
    ]  # fmt: skip
    assert list((tmp_path / "voices").iterdir()) == []


def test_a_folder_that_is_a_link_is_not_emptied(added, voices, tmp_path):
    kept = tmp_path / "elsewhere"
    added.folder.rename(kept)
    added.folder.symlink_to(kept)
    with pytest.raises(VoiceError, match="is a link"):
        voices.remove(voices.find("Zoë 美空"))
    assert (kept / CARD).is_file()


def test_a_recording_that_was_changed_or_is_gone_is_told(added, voices):
    (reference,) = added.references
    reference.write_bytes(b"another")
    with pytest.raises(ManifestError, match="the consent is for another recording"):
        voices.find("Zoë 美空").consent()
    reference.unlink()
    with pytest.raises(VoiceError, match=r"its recording .* is gone"):
        voices.find("Zoë 美空").consent()


@pytest.mark.parametrize("text", ["", "{}", '{"muze_voice": 2}', "no json"])
def test_a_damaged_card_is_told(added, voices, text):
    (added.folder / CARD).write_text(text)
    with pytest.raises(VoiceError, match=r"voice\.json: is damaged"):
        voices.find("Zoë 美空")


@pytest.mark.parametrize("name", ["../../passwd", "/etc/passwd", "..", "a/b"])
def test_a_card_that_names_another_s_file_is_told(added, voices, name):
    card = (added.folder / CARD).read_text().replace("reference-1.wav", name)
    (added.folder / CARD).write_text(card)
    with pytest.raises(VoiceError, match="names a recording outside its folder"):
        voices.find("Zoë 美空")


def test_a_damaged_embedding_is_told(added):
    (added.folder / "embedding.safetensors").write_bytes(b"none")
    with pytest.raises(VoiceError, match="holds no embedding"):
        added.embedding()


def test_what_breaks_off_leaves_nothing(voices, consent_file, me, monkeypatch, tmp_path):
    consent = read_consent(consent_file(), [me])

    def fails(path, target):
        raise OSError("no")

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="no"):
        voices.add("me", [me], consent)
    assert list((tmp_path / "voices").iterdir()) == []


def test_clones_that_a_service_keeps_are_noted(added, voices):
    noted = voices.note_clone(added, "cloud", "id7")
    assert voices.find("Zoë 美空").card.clones == {"cloud": "id7"}
    voices.note_clone(noted, "cloud", None)
    assert voices.find("Zoë 美空").card.clones == {}


def test_the_folder_is_the_user_s_own_unless_told(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert voices_folder().parts[-2:] == ("muze", "voices")
    monkeypatch.setenv(FOLDER, str(tmp_path / "mine"))
    assert voices_folder() == tmp_path / "mine"


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", ".hidden", "a/b", "a\\b", "a\0", "a\nb", "con", "LPT1.x", "a.", "-x", "a:b",
     "a" * 61, "a\u202eb", "\u200da", "*", "😀"],
)  # fmt: skip
def test_a_name_that_no_file_should_have_is_told(name):
    with pytest.raises(VoiceError, match=r"name|called"):
        checked_name(name)


@pytest.mark.parametrize(
    "name", ["Ada", "Żółw", "美空ひばり", "أم كلثوم", "लता", "O'Neil Jr", "نی‌نی"]
)
def test_names_of_every_script_are_names(name):
    assert checked_name(name) == unicodedata.normalize("NFC", name)


@given(st.text(max_size=70))
def test_a_name_is_a_plain_file_of_its_folder_or_told(name):
    try:
        kept = checked_name(name)
    except VoiceError:
        return
    assert Path(kept).name == kept == checked_name(kept)
    assert len(os.fsencode(kept)) < 220
    assert VoiceRegistry(Path("/voices")).folder / kept != Path("/voices")
