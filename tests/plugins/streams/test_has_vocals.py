import numpy as np
import pytest

from muze.analysis.words import VOICED
from muze.core.errors import DatasetError
from muze.core.grid import TimeGrid
from muze.plugins.streams import has_vocals
from muze.plugins.streams.has_vocals import HasVocalsStream
from muze.testing import sounds, stream_checks

STREAM = HasVocalsStream(HasVocalsStream.Config())
GRID = TimeGrid.of_song(2.0)
YES, NO = (STREAM.parse(HasVocalsStream.Values(value=told), GRID) for told in (True, False))


@stream_checks("has_vocals")
def test_has_vocals_conforms(check):
    check()


def test_both_answers_have_a_row():
    assert (YES["vocals"] == [[0], [1]]).all()
    assert (NO["vocals"] == [[1], [0]]).all()


@pytest.mark.parametrize("value", [1, "yes", None])
def test_only_true_and_false_are_answers(value):
    with pytest.raises(ValueError, match="value"):
        HasVocalsStream.Values.model_validate({"value": value}, strict=True)


def test_a_record_is_recalled_and_written():
    for told, drawn in ((True, YES), (False, NO)):
        np.testing.assert_array_equal(
            STREAM.recall({"has_vocals": told}, GRID)["vocals"], drawn["vocals"]
        )
        assert STREAM.fields(drawn, GRID) == {"has_vocals": told}
    assert STREAM.recall({"has_vocals": None}, GRID) is None
    with pytest.raises(DatasetError, match=r"a\.wav: has_vocals is 'no'; it should be true or"):
        STREAM.recall({"audio_path": "a.wav", "has_vocals": "no"}, GRID)


@pytest.mark.parametrize("surely", [VOICED + 0.01, VOICED - 0.01])
def test_what_is_surer_than_the_threshold_is_a_voice(monkeypatch, surely):
    monkeypatch.setattr(has_vocals, "voice_probability", lambda audio, model: surely)
    heard = STREAM.extract(sounds.silence(2.0), GRID)
    np.testing.assert_array_equal(heard["vocals"], (YES if surely > VOICED else NO)["vocals"])
    assert STREAM.extractor.endswith("tiny.en: no speech below 0.7")


def test_the_score_is_one_where_the_answers_are_the_same():
    for asked, heard, value in ((YES, YES, 1), (NO, NO, 1), (YES, NO, 0), (NO, YES, 0)):
        (score,) = STREAM.score(asked, heard, GRID)
        assert (score.value, score.floor) == (value, 0.5)


def test_a_voice_asked_for_in_one_part_counts():
    half = np.arange(200) < 100
    both = {"vocals": np.where(half, YES["vocals"], NO["vocals"])}
    assert STREAM.score(both, YES, GRID)[0].value == 1
    assert STREAM.score({**both, "present": (~half).astype(float)}, NO, GRID)[0].value == 1
    assert STREAM.score({**both, "present": np.zeros(200)}, NO, GRID) == []
