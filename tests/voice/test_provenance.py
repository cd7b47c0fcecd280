"""What a render tells of itself is in its tags, and names nobody who was cloned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.audio.io import FORMATS, write_audio
from muze.core.errors import MuzeError
from muze.testing.sounds import sine
from muze.voice.provenance import (
    CLONED,
    Provenance,
    provenance_of,
    read_provenance,
    sung_by,
)

CONSENT = "sha256:" + "ab" * 32


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_tells_it_again(tmp_path, suffix):
    told = provenance_of("0.1.0", "starter", sung_by("Kokoro (x 1)", "Zoë 美空", None, None))
    path = tmp_path / f"song{suffix}"
    write_audio(path, sine(220.0, 0.5), {"title": "A", **told.tags()})
    assert read_provenance(path) == told


def test_a_clone_is_told_by_its_consent_and_by_no_name(tmp_path):
    told = provenance_of("0.1.0", "starter", sung_by("XTTS", "Ada Quist", CONSENT, "PerTh"))
    write_audio(tmp_path / "a.wav", sine(220.0, 0.5), told.tags())
    assert b"Ada" not in (tmp_path / "a.wav").read_bytes()
    found = read_provenance(tmp_path / "a.wav")
    assert (found.voice.voice, found.voice.consent, found.voice.watermark) == (
        CLONED, CONSENT, "PerTh",
    )  # fmt: skip
    assert found.sentence == (
        "Made by a machine: muze 0.1.0, model starter. Sung by XTTS, a cloned voice. The "
        f"speaker's consent is recorded as {CONSENT}."
    )


def test_of_a_model_s_folder_no_more_than_its_name_is_told(tmp_path):
    assert provenance_of("1", str(tmp_path / "mine")).model == "mine"
    assert provenance_of("1", "somebody/model").model == "somebody/model"


def test_a_file_that_tells_nothing_says_so(tmp_path):
    write_audio(tmp_path / "a.wav", sine(220.0, 0.5), {"title": "{}"})
    assert read_provenance(tmp_path / "a.wav") is None
    with pytest.raises(MuzeError, match="there is no such file"):
        read_provenance(tmp_path / "b.wav")


@pytest.mark.parametrize("text", ['{"muze_provenance": 2}', '{"muze_provenance": 1, "soft'])
def test_what_is_damaged_is_told(tmp_path, text):
    write_audio(tmp_path / "a.flac", sine(220.0, 0.5), {"comment": text})
    with pytest.raises(MuzeError, match=r"a\.flac: what it tells of how it was made is damaged"):
        read_provenance(tmp_path / "a.flac")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=300)


@given(model=NAMES, backend=NAMES, voice=NAMES)
def test_whatever_it_is_called_it_is_read_again(tmp_path_factory, model, backend, voice):
    told = provenance_of("0.1.0", model, sung_by(backend, voice, CONSENT, "PerTh"))
    comment = told.tags()["comment"]
    assert Provenance.model_validate_json(comment[comment.index("{") :]) == told
    assert len(comment) < 1000  # all of a tag that is read
