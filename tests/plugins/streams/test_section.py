import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.core.grid import SECTION_TYPES, Audio, SectionSpan, TimeGrid
from muze.plugins.streams.section import SectionStream
from muze.testing import sounds

SECTIONS = (SectionSpan("verse", 0.0, 8.0), SectionSpan("chorus", 8.0, 40.0))
GRID = TimeGrid.of_song(40.0, 120.0, sections=SECTIONS)  # a bar is 2 s
STREAM = SectionStream(SectionStream.Config())
VERSE, CHORUS = SECTION_TYPES.index("verse"), SECTION_TYPES.index("chorus")


def test_sections_are_those_of_the_grid():
    drawn = STREAM.parse(SectionStream.Values(), GRID)
    assert drawn["section"][VERSE, :800].all()
    assert drawn["section"][CHORUS, 800:].all()
    np.testing.assert_array_equal(drawn["section"].sum(axis=0), 1)


def test_borders_are_told_in_bars_up_to_eight():
    since, until = STREAM.parse(SectionStream.Values(), GRID)["border"]
    assert since[400] == pytest.approx(2 / 8, abs=1e-3)  # 4 s into the verse
    assert until[400] == pytest.approx(2 / 8, abs=1e-3)
    assert (since[800], since[-1]) == (pytest.approx(0, abs=1e-3), 1)  # 16 bars are far


def test_a_type_overrides_the_grid_but_keeps_its_borders():
    drawn = STREAM.parse(SectionStream.Values(type="solo"), GRID)
    assert drawn["section"][SECTION_TYPES.index("solo")].all()
    np.testing.assert_array_equal(
        drawn["border"], STREAM.parse(SectionStream.Values(), GRID)["border"]
    )


def test_outside_every_section_the_stream_is_silent():
    grid = TimeGrid.of_song(4.0, sections=(SectionSpan("intro", 0.0, 3.0),))
    present = STREAM.parse(SectionStream.Values(), grid)["present"]
    assert present[:300].all()
    assert not present[300:].any()


def test_recall_draws_what_parse_draws():
    record = {"segments": [{"type": s.type, "start": s.start, "end": s.end} for s in SECTIONS]}
    parsed, recalled = STREAM.parse(SectionStream.Values(), GRID), STREAM.recall(record, GRID)
    for name in parsed:
        np.testing.assert_array_equal(parsed[name], recalled[name])


def test_a_window_agrees_with_the_whole():
    whole = STREAM.parse(SectionStream.Values(), GRID)
    part = STREAM.parse(SectionStream.Values(), GRID.window(700, 300))
    for name in STREAM.layout:
        np.testing.assert_allclose(part[name], whole[name][:, 700:1000], atol=1e-6)


def test_a_misspelt_type_in_a_record_is_an_error():
    with pytest.raises(DatasetError, match="'corus'; did you mean 'chorus'"):
        STREAM.recall({"segments": [{"type": "corus", "start": 0, "end": 1}]}, GRID)


def test_a_change_of_sound_is_heard_as_a_border():
    first = sounds.chords(["C", "F"] * 5, 2.0, level=0.2)
    second = sounds.clicks(np.arange(0, 20, 0.25), 20.0)
    audio = Audio(np.concatenate([first.samples, second.samples], axis=1), 32000)
    grid = TimeGrid.of_song(
        40.0, 120.0, sections=(SectionSpan("verse", 0.0, 20.0), SectionSpan("drop", 20.0, 40.0))
    )
    heard = STREAM.extract(audio, grid)
    scores = {
        s.name: s.value
        for s in STREAM.score(STREAM.parse(SectionStream.Values(), grid), heard, grid)
    }
    assert scores["section F 0.5 s"] == 1.0
    assert {s["type"] for s in STREAM.fields(heard, grid)["segments"]} == {"unknown"}
