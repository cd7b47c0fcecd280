import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.core.grid import SectionSpan, TimeGrid
from muze.plugins.streams.vibrato import VibratoStream
from muze.testing import sounds, stream_checks
from muze.testing.singing import singing

STREAM = VibratoStream(VibratoStream.Config())
GRID = TimeGrid.of_song(
    6.0, sections=(SectionSpan("verse", 0.0, 3.0), SectionSpan("chorus", 3.0, 6.0))
)
VERSE, CHORUS = [(57, 0.1, 1.4), (60, 1.5, 2.9)], [(64, 3.1, 4.4), (67, 4.5, 5.9)]


@stream_checks("vibrato")
def test_vibrato_conforms(check):
    check()


def test_the_vector_is_as_wide_as_the_specification_has_it():
    assert STREAM.injects()["vector"] == 64


def drawn(grid=GRID, **values):
    return STREAM.parse(VibratoStream.Values(**values), grid)


def heard(*parts):
    """What is heard of (notes, rate, depth), one sung over the other."""
    audio = sounds.silence(6.0)
    for notes, rate, depth in parts:
        audio.samples[:] += singing(notes, 6.0, rate=rate, depth=depth, hiss=0.001).samples
    return STREAM.extract(audio, GRID)


def scores(asked, got):
    return {score.name: score.value for score in STREAM.score(asked, got, GRID)}


def test_values_are_held():
    features = drawn(rate=6, depth=35, extent=0.8)["vibrato"]
    assert features.shape == (3, 600)
    np.testing.assert_allclose(features, np.repeat([[6], [35], [0.8]], 600, axis=1), rtol=1e-6)


@pytest.mark.parametrize("values", [{"depth": 0}, {"depth": 40, "extent": 0}])
def test_no_vibrato_is_a_value(values):
    features = drawn(**values)
    assert not features["vibrato"].any()
    assert "present" not in features
    told = STREAM.fields(features, GRID)
    assert told == {"vibrato_rate": 0, "vibrato_depth": 0, "vibrato_extent": 0}
    assert not STREAM.recall(told, GRID)["vibrato"].any()


@pytest.mark.parametrize(
    "values",
    [{}, {"depth": -1}, {"depth": 500}, {"depth": 30, "rate": 1}, {"depth": 3, "extent": 2}],
)
def test_what_is_no_vibrato_is_refused(values):
    with pytest.raises(ValueError, match=r"depth|rate|extent"):
        VibratoStream.Values(**values)


def test_what_is_sung_is_heard_section_by_section():
    got = heard((VERSE, 5.0, 30), (CHORUS, 6.5, 60))
    assert got["present"].all()
    for frame, rate, depth in ((100, 5.0, 30), (400, 6.5, 60)):
        assert got["vibrato"][0, frame] == pytest.approx(rate, abs=0.1)
        assert got["vibrato"][1, frame] == pytest.approx(depth, abs=3)
        assert got["vibrato"][2, frame] > 0.8
    told = STREAM.fields(got, GRID)
    assert [(s["start"], s["end"]) for s in told["vibrato_spans"]] == [(0, 3), (3, 6)]
    assert 5 < told["vibrato_rate"] < 6.5
    np.testing.assert_allclose(STREAM.recall(told, GRID)["vibrato"], got["vibrato"], atol=2e-3)


def test_a_section_without_singing_is_absent():
    got = heard((CHORUS, 6.0, 40))
    assert not got["present"][:300].any()
    assert got["present"][300:].all()
    told = STREAM.fields(got, GRID)
    again = STREAM.recall(told, GRID)
    np.testing.assert_array_equal(again["present"], got["present"])
    assert told["vibrato_rate"] == pytest.approx(6.0, abs=0.1)
    assert STREAM.fields(heard(), GRID) == {}


def test_a_render_is_scored_where_it_sings():
    asked = drawn(rate=5.5, depth=40, extent=1)
    got = scores(asked, heard((CHORUS, 6.0, 60)))
    assert got["vibrato rate error"] == pytest.approx(0.5, abs=0.1)
    assert got["vibrato depth error"] == pytest.approx(20, abs=3)
    assert got["vibrato extent error"] < 0.2
    assert scores(asked, asked) == dict.fromkeys(got, 0)


def test_what_nobody_sang_has_neither_rate_nor_depth():
    asked = drawn(rate=5.5, depth=40, extent=1)
    got = scores(asked, heard())
    assert got == {"vibrato rate error": 5.5, "vibrato depth error": 40, "vibrato extent error": 1}
    straight = drawn(depth=0)
    assert "vibrato rate error" not in scores(straight, asked)
    assert scores(straight, asked)["vibrato depth error"] == 40


def test_a_record_tells_all_three_or_nothing():
    assert STREAM.recall({"vibrato_rate": 5.0}, GRID) is None
    assert STREAM.recall({}, GRID) is None
    whole = {"vibrato_rate": 5.0, "vibrato_depth": 30.0, "vibrato_extent": 0.5}
    features = STREAM.recall(whole, GRID)
    np.testing.assert_allclose(features["vibrato"][:, 0], [5, 30, 0.5])
    for broken in ({**whole, "vibrato_rate": "fast"}, {"vibrato_spans": [{"start": 0}]}):
        with pytest.raises(DatasetError, match=r"a\.wav: vibrato"):
            STREAM.recall({"audio_path": "a.wav", **broken}, GRID)
