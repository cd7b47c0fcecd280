import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muze.analysis.lyrics import Sung
from muze.analysis.phonemes import PHONEMES, Phone, read_ipa
from muze.analysis.words import Heard, Word
from muze.core.errors import DatasetError, NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.data.batch import collate
from muze.plugins.streams import phoneme
from muze.plugins.streams.phoneme import PhonemeStream
from muze.plugins.streams.phoneme.rows import draw_rows, draw_words, row_of
from muze.testing import stream_checks

STREAM = PhonemeStream(PhonemeStream.Config())
GRID = TimeGrid.of_song(8.0)
Values = PhonemeStream.Values


@stream_checks("phoneme")
def test_phoneme_conforms(check):
    check()


def ids(features):
    return features["phonemes"][:, 0].astype(int).tolist()


def numbers(ipa):
    return [phone.id for word in ipa.split() for phone in read_ipa(word)]


def test_lyrics_are_read_into_sounds_with_stress_and_words():
    drawn = STREAM.parse(Values(lyrics="[verse] Paint the rain"), GRID)
    assert ids(drawn) == numbers("pˈeɪnt ðə ɹˈeɪn")
    assert drawn["phonemes"][:, 1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0]
    assert drawn["phonemes"][:, 2].tolist() == [1, 0, 0, 0, 1, 0, 1, 0, 0]
    assert (drawn["phonemes"][:, 3] == -1).all()
    assert (drawn["phonemes_span"] == [0, 8]).all()


def test_ipa_is_taken_as_it_is_said():
    assert ids(STREAM.parse(Values(ipa="pˈeɪnt ðə ɹˈeɪn"), GRID)) == numbers("pˈeɪnt ðə ɹˈeɪn")
    assert ids(STREAM.parse(Values(ipa="tʃa"), GRID)) == numbers("t͡ʃa")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "say either lyrics or ipa"),
        ({"lyrics": "la", "ipa": "la"}, "say either lyrics or ipa"),
        ({"ipa": "la", "language": "de"}, "language goes with lyrics"),
        ({"lyrics": "la", "language": "polish"}, "did you mean 'pl'"),
        ({"lyrics": "[vers] la"}, "did you mean 'verse'"),
        ({"lyrics": "..."}, "holds no words"),
        ({"ipa": "la heQ"}, "'Q' in 'heQ' is no sound"),
        ({"ipa": ". ˈ"}, "'.' holds no sound"),
        ({"ipa": "la ˈ"}, "'ˈ' holds no sound"),
    ],
)
def test_what_makes_no_sense_is_told(values, told):
    with pytest.raises(ValueError, match=told):
        Values(**values)


def test_a_missing_phonemizer_is_told_before_anything_is_made(monkeypatch):
    def missing(*_):
        raise NotInstalledError('need gruut: pip install "muze[lyrics]"')

    monkeypatch.setattr(phoneme, "read_words", missing)
    with pytest.raises(NotInstalledError):
        STREAM.check(Values(lyrics="la"))
    STREAM.check(Values(ipa="la"))


def test_a_record_with_times_tells_lengths_and_only_what_a_window_holds():
    record = {"phonemes_ipa": ["never"], "phoneme_timestamps": [
        {"phoneme": "ɹ", "start": 0.5, "end": 0.75, "word": 0},
        {"phoneme": "ˈeɪ", "start": 0.75, "end": 2.0, "word": 0},
        {"phoneme": "n", "start": 2.0, "end": 2.5, "word": 1},
    ]}  # fmt: skip
    whole = STREAM.recall(record, GRID)
    assert ids(whole) == numbers("ɹeɪn")
    assert whole["phonemes"][:, 1:].tolist() == [[0, 1, 0.25], [1, 0, 1.25], [0, 1, 0.5]]
    assert whole["phonemes_span"].tolist() == [[0.5, 0.75], [0.75, 2.0], [2.0, 2.5]]
    part = STREAM.recall(record, GRID.between(1.0, 2.0))
    assert ids(part) == numbers("eɪ")
    assert STREAM.recall(record, GRID.between(4.0, 5.0))["phonemes"].shape == (0, 4)


@pytest.mark.parametrize("told", ["pˈeɪnt ðə", ["pˈeɪnt", "ðə"], ["p", "ˈeɪ", "n", "t", "ð", "ə"]])
def test_a_record_without_times_tells_its_sounds(told):
    assert ids(STREAM.recall({"phonemes_ipa": told}, GRID)) == numbers("pˈeɪnt ðə")


def test_no_words_are_something_else_than_nothing_said():
    assert STREAM.recall({"phonemes_ipa": []}, GRID)["phonemes"].shape == (0, 4)
    assert STREAM.recall({"phonemes_ipa": None, "phoneme_timestamps": None}, GRID) is None


@pytest.mark.parametrize(
    "record",
    [{"phonemes_ipa": ["heQ"]}, {"phonemes_ipa": [3]}, {"phoneme_timestamps": [{"phoneme": "a"}]},
     {"phoneme_timestamps": [{"phoneme": "ab", "start": 0, "end": 1}]}],
)  # fmt: skip
def test_a_record_that_makes_no_sense_names_its_track(record):
    with pytest.raises(DatasetError, match=r"a\.wav: phonemes: "):
        STREAM.recall({"audio_path": "a.wav", **record}, GRID)


def test_fields_write_words():
    drawn = STREAM.parse(Values(ipa="pˈeɪnt ðə"), GRID)
    assert STREAM.fields(drawn, GRID) == {"phonemes_ipa": ["pˈeɪnt", "ðə"]}


@given(st.lists(st.lists(st.sampled_from(PHONEMES), min_size=1, max_size=5), max_size=5))
def test_fields_are_recalled(words):
    rows = [[Phone(symbol) for symbol in word] for word in words]
    drawn = draw_words(rows, GRID)
    record = json.loads(json.dumps(STREAM.fields(drawn, GRID)))
    np.testing.assert_array_equal(STREAM.recall(record, GRID)["phonemes"], drawn["phonemes"])


def test_words_heard_are_scored_by_their_sounds(monkeypatch):
    heard = Heard((Word("paint", 1.0, 1.5), Word("a", 1.5, 1.7), Word("rain", 5.0, 6.0)), "en")
    monkeypatch.setattr("muze.analysis.words.hear_words", lambda audio, model: heard)
    drawn = STREAM.extract(Audio(np.zeros((1, 8 * 32000), np.float32), 32000), GRID)
    assert "faster-whisper" in STREAM.extractor
    asked = STREAM.parse(Values(lyrics="paint the rain"), GRID)
    (score,) = STREAM.score(asked, drawn, GRID)
    assert (score.name, score.higher_is_better) == ("phoneme error rate", False)
    assert score.value == pytest.approx(1 / 9)  # ðə was heard as ə
    first = np.arange(800) < 400
    only = STREAM.parse(Values(lyrics="paint a"), GRID)
    (score,) = STREAM.score({**only, "present": first.astype(np.float32)}, drawn, GRID)
    assert score.value == 0
    assert STREAM.score(STREAM.recall({"phonemes_ipa": []}, GRID), drawn, GRID) == []


def batch_of(count, known=True, seed=0):
    """Sounds whose length is their kind's: a vowel 300 ms, a consonant 60 ms."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(count):
        sung, at = [], 0.0
        for symbol in rng.choice(["p", "t", "s", "a", "i", "oʊ"], rng.integers(3, 9)):
            phone = Phone(str(symbol))
            length = 0.3 if phone.sung else 0.06
            sung.append(Sung(phone, at, at + length, False))
            at += length
        rows.append(draw_rows(
            [row_of(s.phone, s.opens, s.end - s.start if known else -1) for s in sung],
            [(s.start, s.end) for s in sung],
        ))  # fmt: skip
    return collate(rows, PhonemeStream.layout, GRID.frames)


@pytest.fixture
def encoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return STREAM.encoder()


def test_lengths_are_learned(encoder):
    optimiser = torch.optim.Adam(encoder.parameters(), 3e-3)
    for step in range(80):
        told = batch_of(8, seed=step)
        loss = encoder.loss(told.features, told.present)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    told = batch_of(8, seed=1000)
    frames = encoder.predict(told.features).exp()[told.features["phonemes_mask"]]
    wanted = 100 * told.features["phonemes"][..., 3][told.features["phonemes_mask"]]
    torch.testing.assert_close(frames, wanted, rtol=0.3, atol=0)


def test_there_is_no_loss_where_no_length_is_known(encoder):
    told = batch_of(4, known=False)
    assert encoder.loss(told.features, told.present) is None
    told = batch_of(4)
    assert encoder.loss(told.features, torch.zeros_like(told.present)) is None
    silent = collate([STREAM.recall({"phonemes_ipa": []}, GRID)], PhonemeStream.layout, 800)
    assert encoder.loss(silent.features, silent.present) is None
    assert encoder.encode(silent.features, silent.present, 100)["vector"].isfinite().all()


def test_known_lengths_are_never_encoded(encoder):
    known, unknown = batch_of(4), batch_of(4, known=False)
    one, other = (encoder(told.features, told.present, 100) for told in (known, unknown))
    assert torch.equal(one["vector"], other["vector"])


def test_the_order_of_sounds_matters(encoder):
    one, other = (
        collate([STREAM.parse(Values(ipa=ipa), GRID)], PhonemeStream.layout, 800)
        for ipa in ("pˈeɪnt", "tˈeɪnp")
    )
    vectors = [encoder(told.features, told.present, 100)["vector"] for told in (one, other)]
    assert not torch.allclose(*vectors, atol=1e-4)


def test_tokens_are_given_where_a_model_wants_them():
    stream = PhonemeStream(PhonemeStream.Config(tokens=16))
    assert stream.injects() == {"vector": 128, "tokens": 16}
    told = batch_of(3)
    out = stream.encoder()(told.features, told.present, 100)
    assert out["tokens"].shape == (*told.features["phonemes"].shape[:2], 16)
