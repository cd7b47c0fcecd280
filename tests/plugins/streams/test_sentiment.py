import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.core.grid import TimeGrid
from muze.plugins.streams.sentiment import SentimentStream
from muze.testing import sounds, stream_checks

STREAM = SentimentStream(SentimentStream.Config())
GRID = TimeGrid.of_song(1.0)


@stream_checks("sentiment")
def test_sentiment_conforms(check):
    check()


def test_the_value_holds_throughout():
    drawn = STREAM.parse(SentimentStream.Values(value=-0.25), GRID)
    assert (drawn["sentiment"] == -0.25).all()
    assert STREAM.fields(drawn, GRID) == {"sentiment_score": -0.25}
    recalled = STREAM.recall({"sentiment_score": -0.25}, GRID)
    np.testing.assert_array_equal(recalled["sentiment"], drawn["sentiment"])


@pytest.mark.parametrize("value", [1.1, -2, "glad"])
def test_impossible_values_are_refused(value):
    with pytest.raises(ValueError, match="value"):
        SentimentStream.Values(value=value)


@pytest.mark.parametrize("told", [1.5, "glad", True])
def test_a_record_that_makes_no_sense_names_its_track(told):
    with pytest.raises(DatasetError, match=r"a\.wav: sentiment_score is .*from -1 to 1"):
        STREAM.recall({"audio_path": "a.wav", "sentiment_score": told}, GRID)


def test_sound_tells_no_sentiment():
    heard = STREAM.extract(sounds.silence(1.0), GRID)
    assert not heard["present"].any()
    assert STREAM.fields(heard, GRID) == {}
    assert STREAM.recall({}, GRID) is None
    assert STREAM.score(heard, heard, GRID) == []
