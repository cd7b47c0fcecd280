import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.errors import DatasetError
from muze.core.grid import Metre, SectionSpan, TempoMark, TimeGrid
from muze.plugins.streams.breath import BreathStream
from muze.testing import sounds, stream_checks
from muze.testing.singing import singing

STREAM = BreathStream(BreathStream.Config())
GRID = TimeGrid.of_song(8.0, 120.0)
TUNE = [(60, 1.0, 1.6), (62, 1.7, 2.4), (64, 2.9, 3.5), (65, 3.6, 4.6), (60, 5.2, 6.0)]


@stream_checks("breath")
def test_breath_conforms(check):
    check()


def test_the_vector_is_as_wide_as_the_specification_has_it():
    assert STREAM.injects()["vector"] == 32


def drawn(positions, grid=GRID, **values):
    return STREAM.parse(BreathStream.Values(positions=positions, **values), grid)


def positions(features, grid=GRID):
    return STREAM.fields(features, grid)["breath_positions"]


def score(asked, got):
    return {s.name: s.value for s in STREAM.score(asked, got, GRID)}.get("breath F1")


def test_a_breath_is_a_bump_of_150_ms():
    bump = drawn([1.005])["breath"][0]
    assert np.flatnonzero(bump).tolist() == list(range(93, 108))
    assert bump.argmax() == 100
    assert bump.max() == pytest.approx(1)
    assert bump.sum() == pytest.approx(7.5)


@given(st.lists(st.floats(0.31, 1.5), max_size=7), st.floats(0, 0.4))
def test_breaths_drawn_are_read_again(gaps, first):
    told = [] if not gaps else (first + np.cumsum(gaps)).tolist()
    told = [second for second in told if second < 7.99]
    assert positions(drawn(told)) == pytest.approx(told, abs=2e-3)


def test_a_breath_cut_by_a_windows_edge_is_none_of_it():
    grid = GRID.window(103, 100)  # from 1.03 s
    features = drawn([1.0, 1.5], grid)
    assert features["breath"][0, 0] > 0
    assert positions(features, grid) == pytest.approx([1.5], abs=1e-3)


def test_no_breath_is_a_value():
    features = drawn([])
    assert not features["breath"].any()
    assert STREAM.fields(features, GRID) == {"breath_positions": []}
    assert not STREAM.recall({"breath_positions": []}, GRID)["breath"].any()
    assert STREAM.recall({}, GRID) is None
    assert STREAM.recall({"breath_positions": None}, GRID) is None


def test_auto_breathes_before_phrases_end():
    # a bar lasts 2 s: phrases of two bars end at 4 and 8 s, and at 8 s the song does
    assert positions(drawn("auto")) == pytest.approx([3.75], abs=2e-3)
    assert positions(drawn("auto", bars_per_phrase=1)) == pytest.approx(
        [1.75, 3.75, 5.75], abs=2e-3
    )


def test_auto_counts_phrases_from_each_section():
    sections = (SectionSpan("verse", 0.0, 6.0), SectionSpan("chorus", 6.0, 16.0))
    grid = TimeGrid.of_song(16.0, 120.0, sections=sections)
    want = [3.75, 5.75, 9.75, 13.75]  # the verse's last phrase has one bar
    assert positions(drawn("auto", grid), grid) == pytest.approx(want, abs=2e-3)
    chorus = grid.between(6.0, 16.0)
    assert positions(drawn("auto", chorus), chorus) == pytest.approx(want[2:], abs=2e-3)


def test_auto_follows_tempo_and_metre():
    grid = TimeGrid.of_song(12.0, (TempoMark(0, 60), TempoMark(6, 120)), Metre(3, 4))
    # two bars of three end at beats 6, 12 and, with the song, 18
    want = grid.to_seconds([5.5, 11.5])
    assert positions(drawn("auto", grid), grid) == pytest.approx(want, abs=2e-3)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"positions": [1.0, 1.1]}, "from 1 to 1.1 s is no time to breathe again"),
        ({"positions": [2.0, 1.0]}, "rise by at least 0.3 s"),
        ({"positions": [-1.0]}, "greater than or equal to 0"),
        ({"positions": "often"}, "auto"),
        ({"positions": [1.0], "bars_per_phrase": 2}, "goes with positions: auto"),
        ({"positions": "auto", "bars_per_phrase": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_breathed_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        BreathStream.Values(**values)


def test_what_is_sung_is_heard():
    true = [0.5, 2.42, 4.65]
    audio = singing(TUNE, 8.0, breaths=true, hiss=0.001)
    got = STREAM.extract(audio, GRID)
    assert got["present"].all()
    assert positions(got) == pytest.approx(true, abs=0.05)
    assert score(drawn(true), got) == 1
    assert score(drawn([t + 1 for t in true]), got) == 0


def test_where_nobody_sings_it_is_absent():
    got = STREAM.extract(sounds.silence(8.0), GRID)
    assert not got["present"].any()
    assert STREAM.fields(got, GRID) == {}
    assert score(drawn([1.0]), got) == 0


def test_breaths_are_scored_with_what_guessing_gets():
    asked = drawn([1.0, 3.0, 5.0, 7.0])
    (exact,) = STREAM.score(asked, drawn([1.1, 2.9, 5.2, 7.0]), GRID)
    assert exact.value == pytest.approx(0.75)
    assert exact.floor == pytest.approx(0.139, abs=1e-3)
    assert score(drawn([]), drawn([])) == 1
    assert score(drawn([]), asked) == 0
    part = {**asked, "present": (np.arange(800) < 400).astype(np.float32)}
    assert score(part, drawn([1.0, 3.0])) == 1


@pytest.mark.parametrize("broken", [["soon"], 3, [None], [float("nan")]])
def test_a_broken_record_is_told(broken):
    with pytest.raises(DatasetError, match=r"a\.wav: breath_positions"):
        STREAM.recall({"audio_path": "a.wav", "breath_positions": broken}, GRID)
