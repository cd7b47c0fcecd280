"""Drums drawn, read back and heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.analysis.drums import ACCENT, DRUMS, USUAL, draw_hits, hear_drums, read_hits
from muze.core.grid import TimeGrid
from muze.testing import sounds
from muze.testing.drumming import drumming

GRID = TimeGrid.of_song(4.0)


def test_a_hit_is_a_pulse_that_dies_away():
    row = draw_hits({"snare": [(0.503, 1.0)]}, GRID)[DRUMS.index("snare")]
    assert not row[:50].any()
    np.testing.assert_allclose(row[50:70], np.exp(-np.arange(20) / 5), rtol=1e-5)
    assert not row[70:].any()


def test_a_window_shows_what_the_song_does_there():
    hits = {"kick": [(0.37, 1.0), (0.5, 0.7)], "hat": [(1.0, 0.7), (1.99, 0.7), (2.0, 1.0)]}
    whole = draw_hits(hits, GRID)
    np.testing.assert_allclose(draw_hits(hits, GRID.window(45, 155)), whole[:, 45:200])


@given(
    st.dictionaries(
        st.sampled_from(DRUMS),
        st.dictionaries(st.integers(0, 99), st.sampled_from([USUAL, ACCENT]), min_size=1),
    )
)
def test_hits_drawn_are_read_again(told):
    hits = {drum: [(0.04 * n + 0.005, s) for n, s in sorted(at.items())]
            for drum, at in told.items()}  # fmt: skip
    read = read_hits(draw_hits(hits, GRID), GRID)
    assert read.keys() == set(DRUMS)
    for drum, found in read.items():
        np.testing.assert_allclose(found, hits.get(drum, []), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_synthetic_drums_are_told_apart(seed):
    beats = np.arange(0.1, 7.9, 0.5)
    hits = {"kick": beats[::2], "snare": beats[1::2], "hat": np.arange(0.1, 7.9, 0.25)}
    heard = hear_drums(drumming(hits, 8.0, seed=seed), TimeGrid.of_song(8.0))
    for drum in DRUMS:
        times = [second for second, _ in heard[drum]]
        if drum in hits:
            near = np.abs(np.subtract.outer(hits[drum], times)).min(axis=1) < 0.05
            assert near.mean() > 0.9
            assert len(times) <= 1.1 * len(hits[drum])
        else:
            assert len(times) <= 1


def test_drums_are_told_in_seconds_of_the_song():
    audio = drumming({"kick": [0.5, 1.5]}, 2.0)
    heard = hear_drums(audio, TimeGrid.of_song(60.0).window(1000, 200))
    assert [t for t, _ in heard["kick"]] == pytest.approx([10.5, 11.5], abs=0.02)


@pytest.mark.parametrize(
    "audio", [sounds.chords(["C", "Am", "F", "G"], 1.0), sounds.sine(440, 4.0)]
)
def test_what_is_no_drum_is_not_heard_as_one(audio):
    assert not any(hear_drums(audio, GRID).values())


def test_silence_is_no_drums_to_be_heard():
    assert hear_drums(sounds.silence(4.0), GRID) is None
