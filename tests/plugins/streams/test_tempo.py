import numpy as np
import pytest

from muze.core.grid import TempoMark, TimeGrid
from muze.plugins.streams.tempo import TempoStream
from muze.testing import sounds

STREAM = TempoStream(TempoStream.Config())


def scores(asked, heard, grid):
    return {s.name: s.value for s in STREAM.score(asked, heard, grid)}


def test_a_map_by_bars_follows_the_beats():
    grid = TimeGrid.of_song(12.0, (TempoMark(0, 120), TempoMark(8, 60)))
    value = [{"bar": 1, "bpm": 120}, {"bar": 3, "bpm": 60}]
    drawn = STREAM.parse(TempoStream.Values(value=value), grid)["tempo"][0]
    assert (drawn[:400] == 120).all()  # two bars of two seconds
    assert (drawn[400:] == 60).all()
    np.testing.assert_array_equal(drawn, STREAM.parse(TempoStream.Values(), grid)["tempo"][0])


def test_a_window_agrees_with_the_whole():
    grid = TimeGrid.of_song(12.0, (TempoMark(0, 120), TempoMark(8, 60)))
    record = {"tempo": 120, "tempo_map": [{"beat": 0, "bpm": 120}, {"beat": 8, "bpm": 60}]}
    whole = STREAM.recall(record, grid)["tempo"]
    part = STREAM.recall(record, grid.window(350, 100))["tempo"]
    np.testing.assert_array_equal(part, whole[:, 350:450])


def test_recall_of_one_tempo_draws_what_parse_draws():
    grid = TimeGrid.of_song(4.0, 97.0)
    parsed = STREAM.parse(TempoStream.Values(value=97), grid)
    np.testing.assert_array_equal(parsed["tempo"], STREAM.recall({"tempo": 97}, grid)["tempo"])
    assert STREAM.recall({"tempo": None}, grid) is None


@pytest.mark.parametrize("value", [0, 1000, [], [{"bar": 2, "bpm": 90}], "fast"])
def test_impossible_tempi_are_refused(value):
    with pytest.raises(ValueError, match="value"):
        TempoStream.Values(value=value)


@pytest.mark.parametrize("bpm", [70, 100, 141])
def test_the_tempo_of_clicks_is_heard(bpm):
    beats = np.arange(0, 20, 60 / bpm)
    audio = sounds.clicks(beats, 20.0, accents=beats[::4])
    heard = STREAM.extract(audio, TimeGrid.of_song(20.0, 77.0))  # the grid's tempo is no hint
    assert np.median(heard["tempo"]) == pytest.approx(bpm, rel=0.01)


def test_scores_know_octaves_and_bins():
    grid = TimeGrid.of_song(2.0)
    at = {b: STREAM.parse(TempoStream.Values(value=b), grid) for b in (60, 120, 124, 131, 126)}
    assert scores(at[120], at[60], grid) == {"tempo Acc1": 0, "tempo Acc2": 1, "TB": 0, "TBT": 0}
    assert scores(at[120], at[124], grid) == {"tempo Acc1": 1, "tempo Acc2": 1, "TB": 1, "TBT": 1}
    assert scores(at[120], at[126], grid)["tempo Acc1"] == 0  # five percent off


def test_silence_has_no_tempo():
    grid = TimeGrid.of_song(8.0)
    heard = STREAM.extract(sounds.silence(8.0), grid)
    assert not heard["present"].any()
    assert STREAM.fields(heard, grid) == {}
