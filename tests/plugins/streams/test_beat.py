import numpy as np
import pytest

from muze.core.grid import Metre, TempoMark, TimeGrid
from muze.plugins.streams.beat import BeatStream
from muze.testing import sounds

STREAM = BeatStream(BeatStream.Config())


def scores(asked, heard, grid):
    return {s.name: s.value for s in STREAM.score(asked, heard, grid)}


def test_phases_turn_once_a_beat_and_once_a_bar():
    grid = TimeGrid.of_song(8.0, 120.0, Metre(3, 4))
    drawn = STREAM.parse(BeatStream.Values(), grid)
    sine, cosine = drawn["phase"][:2]
    np.testing.assert_allclose(np.hypot(sine, cosine), 1, atol=1e-6)
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * grid.seconds / 0.5), atol=1e-5)
    np.testing.assert_allclose(drawn["phase"][2], np.sin(2 * np.pi * grid.seconds / 1.5), atol=1e-5)
    np.testing.assert_allclose(
        drawn["phase"][4], np.sin(2 * np.pi * grid.seconds / 0.25), atol=1e-5
    )


@pytest.mark.parametrize(
    ("metre", "column"),
    [("2/4", [1, 0, 0, 0, 0]), ("3/4", [0, 1, 0, 0, 0]), ("4/4", [0, 0, 1, 0, 0]),
     ("6/8", [1, 0, 0, 0, 1]), ("5/4", [0, 0, 0, 1, 0])],
)  # fmt: skip
def test_metres_are_told_apart(metre, column):
    drawn = STREAM.parse(BeatStream.Values(), TimeGrid.of_song(1.0, metre=Metre.parse(metre)))
    assert drawn["metre"][:, 5].tolist() == column


def test_in_six_eight_the_beat_divides_in_three():
    grid = TimeGrid.of_song(4.0, 60.0, Metre(6, 8))
    phase = STREAM.parse(BeatStream.Values(), grid)["phase"]
    np.testing.assert_allclose(phase[4], np.sin(2 * np.pi * grid.seconds * 3), atol=1e-5)


def test_fields_read_the_beats_back():
    grid = TimeGrid.of_song(6.0, (TempoMark(0, 120), TempoMark(4, 90)), first_beat=0.2)
    told = STREAM.fields(STREAM.parse(BeatStream.Values(), grid), grid)
    assert told["beat_positions"] == pytest.approx(grid.beat_times, abs=6e-3)
    assert told["downbeat_positions"] == pytest.approx(grid.bar_times, abs=6e-3)
    assert told["num_beats"] == len(grid.beat_times)
    assert told["time_signature"] == "4/4"


def test_a_beat_on_the_first_sample_is_there():
    grid = TimeGrid.of_song(4.0, 120.0)
    told = STREAM.fields(STREAM.parse(BeatStream.Values(), grid), grid)
    assert told["beat_positions"][0] == pytest.approx(0, abs=2e-3)


def test_positions_draw_what_the_tempo_draws():
    grid = TimeGrid.of_song(4.0, 120.0)
    given = STREAM.parse(BeatStream.Values(positions=[0.0, 0.5, 1.0, 1.5, 2.0, 2.5]), grid)
    np.testing.assert_allclose(
        given["phase"], STREAM.parse(BeatStream.Values(), grid)["phase"], atol=1e-4
    )
    for impossible in ([1.0, 0.5], [0.0, 0.1], [0.0, 3.1], [0.0, np.inf], [np.nan, 0.5]):
        with pytest.raises(ValueError, match=r"beats rise by 0\.15 to 3 s|finite"):
            BeatStream.Values(positions=impossible)
    assert BeatStream.Values(positions=[0.0, 0.15, 3.15])  # 400 and 20 beats a minute


def test_recall_draws_what_parse_draws_on_a_window_too():
    grid = TimeGrid.of_song(8.0, (TempoMark(0, 120), TempoMark(4, 90)))
    record = {"tempo_map": [{"beat": 0, "bpm": 120}, {"beat": 4, "bpm": 90}]}
    parsed = STREAM.parse(BeatStream.Values(), grid)
    np.testing.assert_array_equal(parsed["phase"], STREAM.recall(record, grid)["phase"])
    part = STREAM.recall(record, grid.window(300, 200))["phase"]
    np.testing.assert_allclose(part, parsed["phase"][:, 300:500], atol=1e-5)
    assert STREAM.recall({"tempo": 120}, grid) is None


@pytest.mark.parametrize("bpm", [80, 100, 132])
def test_clicks_are_tracked(bpm):
    grid = TimeGrid.of_song(20.0, float(bpm))
    audio = sounds.clicks(grid.beat_times, 20.0, accents=grid.bar_times)
    heard = STREAM.extract(audio, TimeGrid.of_song(20.0, 77.0))  # the grid's tempo is no hint
    assert scores(STREAM.parse(BeatStream.Values(), grid), heard, grid)["beat F"] > 0.9


def test_beats_a_quarter_off_score_nothing_and_a_floor_is_told():
    grid = TimeGrid.of_song(10.0, 120.0)
    late = TimeGrid.of_song(10.0, 120.0, first_beat=0.125)
    asked, heard = (STREAM.parse(BeatStream.Values(), g) for g in (grid, late))
    beat, downbeat, metre = STREAM.score(asked, heard, grid)
    assert (beat.value, downbeat.value, metre.value) == (0, 0, 1)
    assert beat.floor == pytest.approx(0.28, abs=0.01)  # 140 ms of every 500


def test_silence_has_no_beat():
    grid = TimeGrid.of_song(8.0)
    heard = STREAM.extract(sounds.silence(8.0), grid)
    assert not heard["present"].any()
    assert STREAM.fields(heard, grid) == {}
    assert scores(STREAM.parse(BeatStream.Values(), grid), heard, grid)["beat F"] == 0
