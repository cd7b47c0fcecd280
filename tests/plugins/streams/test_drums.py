import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.errors import DatasetError
from muze.core.grid import Metre, SectionSpan, TempoMark, TimeGrid
from muze.plugins.streams.drums import DrumsStream
from muze.testing import sounds, stream_checks
from muze.testing.drumming import drumming

STREAM = DrumsStream(DrumsStream.Config())
GRID = TimeGrid.of_song(8.0, 120.0)
ROCK = {"kick": "X...x...X...x...", "snare": "....x.......x...", "hat": "x.x."}


@stream_checks("drums")
def test_drums_conform(check):
    check()


def drawn(pattern, grid=GRID, **values):
    return STREAM.parse(DrumsStream.Values(pattern=pattern, **values), grid)


def onsets(features, grid=GRID):
    return STREAM.fields(features, grid)["drum_onsets"]


def scores(asked, heard):
    return {score.name: score.value for score in STREAM.score(asked, heard, GRID)}


def test_steps_fall_on_the_beats():
    told = STREAM.fields(drawn(ROCK), GRID)
    assert told["drum_onsets"]["kick"] == pytest.approx(np.arange(0, 8, 0.5), abs=6e-3)
    assert told["drum_onsets"]["snare"] == pytest.approx(np.arange(0.5, 8, 1.0), abs=6e-3)
    assert told["drum_onsets"]["hat"] == pytest.approx(np.arange(0, 8, 0.25), abs=6e-3)
    assert told["drum_onsets"]["tom"] == told["drum_onsets"]["cymbal"] == []
    assert told["drum_velocities"]["kick"][:4] == [1.0, 0.7, 1.0, 0.7]


def test_a_pattern_follows_the_tempo_map():
    grid = TimeGrid.of_song(8.0, (TempoMark(0, 60), TempoMark(4, 120)), first_beat=0.25)
    assert onsets(drawn({"kick": "x..."}, grid), grid)["kick"] == pytest.approx(
        grid.to_seconds(np.arange(12)), abs=6e-3
    )


def test_a_pattern_starts_anew_with_each_section():
    sections = (SectionSpan("verse", 0.0, 3.0), SectionSpan("chorus", 3.0, 8.0))
    grid = TimeGrid.of_song(8.0, 120.0, Metre(3, 4), sections)
    features = drawn({"kick": "x... .... .... ...."}, grid)
    assert onsets(features, grid)["kick"] == pytest.approx([0, 2, 3, 5, 7], abs=6e-3)
    chorus = grid.between(3.0, 8.0)
    part = drawn({"kick": "x... .... .... ...."}, chorus)["drums"]
    np.testing.assert_array_equal(part, features["drums"][:, 300:])


def test_in_six_eight_a_beat_has_three_steps_or_six():
    grid = TimeGrid.of_song(4.0, 60.0, Metre(6, 8))
    features = drawn({"hat": "x.x"}, grid, steps_per_beat=3)
    want = [b + third for b in range(4) for third in (0, 2 / 3)]
    assert onsets(features, grid)["hat"] == pytest.approx(want, abs=6e-3)


@given(st.text("xX.", min_size=1, max_size=12), st.integers(1, 4))
def test_what_is_written_is_read_again(beats, steps_per_beat):
    text = beats * steps_per_beat
    told = STREAM.fields(drawn({"tom": text}, steps_per_beat=steps_per_beat), GRID)
    total = 16 * steps_per_beat
    signs = (text * total)[:total]
    want = [n * 0.5 / steps_per_beat for n, sign in enumerate(signs) if sign != "."]
    assert told["drum_onsets"]["tom"] == pytest.approx(want, abs=6e-3)
    strengths = [1.0 if sign == "X" else 0.7 for sign in signs if sign != "."]
    assert told["drum_velocities"]["tom"] == strengths


def test_bars_and_spaces_are_for_the_eye():
    plain = drawn({"kick": "x...x...x..."})["drums"]
    np.testing.assert_array_equal(drawn({"kick": "x... x...| x..."})["drums"], plain)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"pattern": {"kick": "x..o"}}, "'o' in 'x..o' is no step; write X for an accent"),
        (
            {"pattern": {"kick": "x..x."}},
            "kick has 5 steps, no whole beats at 4 .* add 3 or take 1",
        ),
        ({"pattern": {"kick": "| |"}}, "has no steps"),
        ({"pattern": {"kick": ""}}, "has no steps"),
        ({"pattern": {"kik": "x..."}}, "'kick', 'snare', 'hat', 'tom' or 'cymbal'"),
        ({"pattern": {}}, "at least 1"),
        ({"pattern": {"kick": "x"}, "steps_per_beat": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_pattern_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        DrumsStream.Values(**values)


def test_rests_are_no_drums_and_silence_is_nothing_heard():
    rests = drawn({"kick": "...."})
    assert not rests["drums"].any()
    assert "present" not in rests
    assert not STREAM.recall(STREAM.fields(rests, GRID), GRID)["drums"].any()
    heard = STREAM.extract(sounds.silence(8.0), GRID)
    assert not heard["present"].any()
    assert STREAM.fields(heard, GRID) == {}
    assert scores(rests, heard) == {"drums F1": 1}
    assert scores(rests, drawn(ROCK)) == {"drums F1": 0}
    assert STREAM.recall({}, GRID) is None


def test_a_record_may_leave_the_strengths_out():
    record = {"drum_onsets": {"kick": [0.0, 0.5], "snare": [0.25]}}
    features = STREAM.recall(record, GRID)
    assert features["drums"][0, [0, 50]] == pytest.approx([0.7, 0.7])
    record["drum_velocities"] = {"kick": [1.0, 0.4]}
    features = STREAM.recall(record, GRID)
    assert features["drums"][0, [0, 50]] == pytest.approx([1.0, 0.4])
    assert features["drums"][1, 25] == pytest.approx(0.7)


@pytest.mark.parametrize(
    "broken",
    [
        {"drum_onsets": [0.5]},
        {"drum_onsets": {"kick": ["soon"]}},
        {"drum_onsets": {"kick": [float("nan")]}},
        {"drum_onsets": {"kick": [0.5]}, "drum_velocities": {"kick": [float("nan")]}},
        {"drum_onsets": {"kick": [0.5, 1.0]}, "drum_velocities": {"kick": [1.0]}},
    ],
)
def test_a_broken_record_is_told(broken):
    with pytest.raises(DatasetError, match=r"a\.wav: drum_onsets"):
        STREAM.recall({"audio_path": "a.wav", **broken}, GRID)


def test_a_drum_of_a_record_that_is_none_is_told():
    with pytest.raises(DatasetError, match=r"unknown drum 'snares'; did you mean 'snare'\?"):
        STREAM.recall({"drum_onsets": {"kick": [0.5], "snares": [1.0]}}, GRID)


def test_a_pattern_that_is_played_is_heard():
    asked = drawn(ROCK)
    audio = drumming(onsets(asked), 8.0, seed=3)
    got = scores(asked, STREAM.extract(audio, GRID))
    assert got.keys() == {"drums F1", "drums kick F1", "drums snare F1", "drums hat F1"}
    assert min(got.values()) > 0.9
    late = {drum: [t + 0.07 for t in times] for drum, times in onsets(asked).items()}
    missed = scores(asked, STREAM.extract(drumming(late, 8.0, seed=3), GRID))
    assert missed["drums kick F1"] == 0


def test_only_what_was_asked_is_scored():
    asked = {**drawn(ROCK), "present": (np.arange(800) < 400).astype(np.float32)}
    half = drawn(ROCK, GRID.window(0, 400))["drums"]
    heard = {"drums": np.pad(half, ((0, 0), (0, 400)))}
    assert scores(asked, heard)["drums F1"] == 1
    floors = {score.name: score.floor for score in STREAM.score(asked, heard, GRID)}
    assert floors["drums kick F1"] == pytest.approx(1 - np.exp(-0.1 * 2), abs=1e-3)
    assert STREAM.score({**asked, "present": np.zeros(800, np.float32)}, heard, GRID) == []
