import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muze.analysis.phonemes import PHONEMES, VOWELS, Phone
from muze.analysis.words import Heard, Word
from muze.core.errors import DatasetError, ManifestError
from muze.core.grid import Audio, SectionSpan, TimeGrid
from muze.data.batch import collate
from muze.plugins.streams.phoneme_timestamps import PhonemeTimestampsStream
from muze.testing import stream_checks

STREAM = PhonemeTimestampsStream(PhonemeTimestampsStream.Config())
SONG = TimeGrid.of_song(8.0, 120.0, sections=(SectionSpan("verse", 0, 4), SectionSpan("chorus", 4, 8)))  # fmt: skip  # noqa: E501
Values = PhonemeTimestampsStream.Values
GO = [
    {"phoneme": "ɡ", "start": 1.0, "end": 1.06, "word": 0},
    {"phoneme": "ˈoʊ", "start": 1.06, "end": 2.0, "word": 0},
    {"phoneme": "ˈoʊ", "start": 2.0, "end": 2.5, "word": 1},
]


@stream_checks("phoneme_timestamps")
def test_phoneme_timestamps_conform(check):
    check()


def test_each_frame_tells_its_sound_where_it_begins_and_its_stress():
    number, begins, stress = STREAM.parse(Values(timestamps=GO), SONG)["phonemes"]
    assert set(number[100:106]) == {Phone("ɡ").id}
    assert set(number[106:250]) == {Phone("oʊ").id}
    assert not number[:100].any()
    assert not number[250:].any()
    assert {int(at): int(begins[at]) for at in np.flatnonzero(begins)} == {100: 2, 106: 1, 200: 2}
    assert not stress[:106].any()
    assert (stress[106:250] == 1).all()


def test_lyrics_come_on_the_beats_of_their_sections():
    drawn = STREAM.parse(Values(lyrics="[chorus] Drive now"), SONG)
    told = STREAM.fields(drawn, SONG)["phoneme_timestamps"]
    assert "".join(entry["phoneme"] for entry in told) == "dɹˈaɪvnˈaʊ"
    assert [t["start"] for t in told if t["phoneme"] in "dn"] == [4.0, 4.5]
    assert [t["word"] for t in told] == [0, 0, 0, 0, 1, 1]


def test_lyrics_of_a_section_the_song_lacks_are_told():
    with pytest.raises(ManifestError, match=r"\[bridge\], but the song has none"):
        STREAM.parse(Values(lyrics="[bridge] Drive"), SONG)
    STREAM.check(Values(lyrics="[bridge] Drive"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "say either lyrics or timestamps"),
        ({"lyrics": "la", "timestamps": []}, "say either lyrics or timestamps"),
        ({"timestamps": [], "language": "en"}, "language goes with lyrics"),
        ({"lyrics": "la", "language": "xq-zz"}, "unknown language"),
        ({"timestamps": [{**GO[0], "phoneme": "ab"}]}, "'ab' is 2 sounds"),
        ({"timestamps": [{**GO[0], "phoneme": "Q"}]}, "no sound of the IPA"),
        ({"timestamps": [{**GO[0], "end": 1.0}]}, r"at least"),
        ({"timestamps": [{**GO[0], "start": -1}]}, "greater than or equal to 0"),
        ({"timestamps": GO[::-1]}, "sounds come one after another"),
    ],
)
def test_what_makes_no_sense_is_told(values, told):
    with pytest.raises(ValueError, match=told):
        Values(**values)


def test_nothing_sung_is_something_else_than_nothing_said():
    assert not STREAM.parse(Values(timestamps=[]), SONG)["phonemes"].any()
    assert not STREAM.recall({"phoneme_timestamps": []}, SONG)["phonemes"].any()
    assert STREAM.recall({"phoneme_timestamps": None}, SONG) is None


@pytest.mark.parametrize("told", [[{"phoneme": "Q", "start": 0, "end": 1}], [{"phoneme": "a"}], 5])
def test_a_record_that_makes_no_sense_names_its_track(told):
    with pytest.raises(DatasetError, match=r"a\.wav: phoneme_timestamps: "):
        STREAM.recall({"audio_path": "a.wav", "phoneme_timestamps": told}, SONG)


def test_a_record_without_words_is_recalled():
    bare = [{k: v for k, v in entry.items() if k != "word"} for entry in GO]
    begins = STREAM.recall({"phoneme_timestamps": bare}, SONG)["phonemes"][1]
    assert begins[[100, 106, 200]].tolist() == [1, 1, 1]


@st.composite
def timestamps(draw):
    at, word, out = 0.0, 0, []
    for _ in range(draw(st.integers(0, 8))):
        at += draw(st.integers(0, 40)) / 100
        length, word = draw(st.integers(1, 60)) / 100, word + draw(st.integers(0, 1))
        symbol = draw(st.sampled_from(PHONEMES))
        stress = draw(st.integers(0, 2)) if symbol in VOWELS else 0
        phoneme = str(Phone(symbol, stress))
        out.append({"phoneme": phoneme, "start": at, "end": at + length, "word": word})
        at += length
    return out


@given(timestamps(), st.integers(0, 700), st.integers(1, 100))
def test_what_is_drawn_is_written_and_recalled_on_any_window(told, first, frames):
    drawn = STREAM.recall({"phoneme_timestamps": told}, SONG)
    written = json.loads(json.dumps(STREAM.fields(drawn, SONG)))
    inside = [entry for entry in told if entry["start"] < 7.995]
    for entry, again in zip(inside, written["phoneme_timestamps"], strict=True):
        assert again["phoneme"] == entry["phoneme"]
        assert again["start"] == pytest.approx(entry["start"], abs=0.011)
        assert again["end"] == pytest.approx(min(8.0, entry["end"]), abs=0.011)
    np.testing.assert_array_equal(STREAM.recall(written, SONG)["phonemes"], drawn["phonemes"])
    part = STREAM.recall(written, SONG.window(first, frames))["phonemes"]
    np.testing.assert_array_equal(part, drawn["phonemes"][:, first : first + frames])


def test_words_heard_are_scored(monkeypatch):
    heard = Heard((Word("drive", 1.0, 1.5), Word("how", 1.5, 2.0)), "en")
    monkeypatch.setattr("muze.analysis.words.hear_words", lambda audio, model: heard)
    drawn = STREAM.extract(Audio(np.zeros((1, 8 * 32000), np.float32), 32000), SONG)
    asked = STREAM.parse(Values(lyrics="[verse] Drive now"), SONG)
    scores = {score.name: score.value for score in STREAM.score(asked, drawn, SONG)}
    assert scores == {
        "phoneme error rate": pytest.approx(1 / 6),
        "word error rate": pytest.approx(1 / 2),
    }
    assert STREAM.score(STREAM.parse(Values(timestamps=[]), SONG), drawn, SONG) == []


def test_the_frames_tell_the_order_of_sounds_within_one_latent_frame():
    encoder = STREAM.encoder()
    drawn = [
        STREAM.recall({"phoneme_timestamps": [
            {"phoneme": a, "start": 1.0, "end": 1.04}, {"phoneme": b, "start": 1.04, "end": 1.08},
        ]}, SONG)
        for a, b in ("sa", "as")
    ]  # fmt: skip
    told = collate(drawn, PhonemeTimestampsStream.layout, SONG.frames)
    with torch.no_grad():
        one, other = encoder(told.features, told.present, 100)["frames"]
    assert not torch.allclose(one, other, atol=1e-3)
