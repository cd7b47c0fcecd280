import numpy as np
import pytest

from muze.analysis.chords import decode_chords
from muze.core.errors import DatasetError
from muze.core.grid import Metre, SectionSpan, TimeGrid
from muze.core.theory import Chord, chord_vector
from muze.plugins.streams.chord import ChordStream
from muze.testing import sounds

STREAM = ChordStream(ChordStream.Config())


def parse(grid, *progression, **more):
    return STREAM.parse(ChordStream.Values(progression=progression, **more), grid)


def names(features, grid):
    return [symbol for symbol, _, _ in decode_chords(features["chord"], grid)]


def test_a_chord_is_root_notes_and_bass():
    column = parse(TimeGrid.of_song(2.0), "Am7/G")["chord"][:, 0]
    np.testing.assert_array_equal(column[:36], chord_vector(Chord.parse("Am7/G")))
    assert column[36] == 0


def test_a_chord_lasts_a_bar_unless_said():
    grid = TimeGrid.of_song(6.0, 120.0, Metre(3, 4))  # a bar is 1.5 s
    assert decode_chords(parse(grid, "Am", "F")["chord"], grid) == [
        ("Am", 0.0, 1.5), ("F", 1.5, 3.0), ("Am", 3.0, 4.5), ("F", 4.5, 6.0),
    ]  # fmt: skip
    assert names(parse(grid, "Am", "F", beats_per_chord=6), grid) == ["Am", "F"]


def test_no_chord_is_a_chord():
    grid = TimeGrid.of_song(4.0, 120.0)
    drawn = parse(grid, "C", "N")["chord"]
    assert drawn[36, 300] == 1
    assert not drawn[:36, 300].any()


def test_the_progression_starts_anew_with_each_section():
    sections = (SectionSpan("verse", 0.0, 6.0), SectionSpan("chorus", 6.0, 12.0))
    grid = TimeGrid.of_song(12.0, 120.0, sections=sections)  # three bars each
    assert names(parse(grid, "C", "G"), grid) == ["C", "G", "C", "G", "C"]  # C G C | C G C


def test_chords_are_echoed_in_one_spelling():
    values = ChordStream.Values(progression=["Cmaj", "Bbmin7", "Fsus"])
    assert values.progression == ["C", "A#m7", "Fsus4"]


def test_an_unknown_chord_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown chord 'Amaj77'; .* did you mean 'Amaj7'"):
        ChordStream.Values(progression=["Amaj77"])


def test_recall_draws_what_parse_draws_on_a_window_too():
    grid = TimeGrid.of_song(8.0, 120.0)
    symbols = ["Am7", "F", "G/B", "N"]
    record = {
        "chords": [
            {"chord": c, "start": 2.0 * i, "end": 2.0 * i + 2} for i, c in enumerate(symbols)
        ]
    }
    parsed, recalled = parse(grid, *symbols), STREAM.recall(record, grid)
    np.testing.assert_array_equal(parsed["chord"], recalled["chord"])
    part = STREAM.recall(record, grid.window(150, 300))
    np.testing.assert_array_equal(part["chord"], parsed["chord"][:, 150:450])
    assert STREAM.fields(recalled, grid)["chord_progression"] == symbols
    with pytest.raises(DatasetError, match=r"a.wav: chords: unknown chord"):
        STREAM.recall(
            {"audio_path": "a.wav", "chords": [{"chord": "H7", "start": 0, "end": 1}]}, grid
        )


def test_sounding_chords_are_heard():
    symbols = ["C", "Am", "F", "G7", "Dm", "E", "A#", "D#m"]
    grid = TimeGrid.of_song(16.0, 120.0)
    heard = STREAM.extract(sounds.chords(symbols, 2.0), grid)
    scores = {s.name: s.value for s in STREAM.score(parse(grid, *symbols), heard, grid)}
    assert scores["chord majmin"] > 0.95
    assert scores["chord CMOM"] > 0.95


def test_what_was_asked_scores_1_and_a_tritone_off_nothing():
    grid = TimeGrid.of_song(8.0, 120.0)
    asked = parse(grid, "C", "Am", "F", "G")
    perfect = {s.name: s.value for s in STREAM.score(asked, asked, grid)}
    assert set(perfect.values()) == {1.0}
    off = {s.name: s.value for s in STREAM.score(asked, parse(grid, "F#", "D#m", "B", "C#"), grid)}
    assert set(off.values()) == {0.0}


def test_only_frames_that_were_asked_for_are_scored():
    grid = TimeGrid.of_song(8.0, 120.0)
    asked = parse(grid, "C", "Am", "F", "G")
    asked["present"] = np.zeros(800, np.float32)
    assert STREAM.score(asked, asked, grid) == []
    asked["present"][:200] = 1
    half = {s.name: s.value for s in STREAM.score(asked, parse(grid, "C", "N"), grid)}
    assert half["chord majmin"] == 1.0
