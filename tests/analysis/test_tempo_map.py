"""Tests of tempo maps through beats that were heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.analysis.tempo_map import TOLERANCE, tempo_map
from muze.core.grid import TimeGrid


def test_steady_beats_are_one_mark() -> None:
    (mark,) = tempo_map([0.3 + 0.5 * i for i in range(100)])
    assert (mark.beat, mark.bpm) == (0.0, 120.0)


def test_a_change_of_tempo_is_a_mark_where_it_happens() -> None:
    beats = np.cumsum([0.1, *[0.5] * 16, *[0.4] * 20])
    first, second = tempo_map([*beats])
    assert (first.bpm, second.beat, second.bpm) == (120.0, 16.0, 150.0)


@given(
    st.lists(st.floats(0.3, 1.0), min_size=2, max_size=80),
    st.integers(0, 3),
)
def test_no_beat_is_missed_by_more_than_the_tolerance(lengths: list[float], first: int) -> None:
    beats = np.cumsum([0.2, *lengths]).tolist()
    first = min(first, len(beats) - 2)
    grid = TimeGrid.of_song(beats[-1] + 1, tempo_map(beats, first), first_beat=beats[first])
    drawn = grid.to_seconds(np.arange(len(beats) - first))
    assert np.abs(drawn - beats[first:]).max() < TOLERANCE + 1e-3


@pytest.mark.parametrize(("beats", "first"), [([0.5], 0), ([0.0, 1.0], 1), ([0.0, 0.0], 0)])
def test_too_few_beats_are_no_map(beats: list[float], first: int) -> None:
    with pytest.raises(ValueError, match="two beats"):
        tempo_map(beats, first)
