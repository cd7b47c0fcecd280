import numpy as np
import pytest

from muze.core.grid import TimeGrid
from muze.plugins.streams.position import PositionStream

STREAM = PositionStream(PositionStream.Config())
GRID = TimeGrid.of_song(10.0)


def test_position_runs_from_0_to_1():
    drawn = STREAM.parse(PositionStream.Values(), GRID)["position"][0]
    assert drawn[0] == pytest.approx(0.0005)
    assert drawn[-1] == pytest.approx(0.9995)


def test_a_window_agrees_with_the_whole():
    whole = STREAM.recall({}, GRID)["position"]
    np.testing.assert_allclose(
        STREAM.recall({}, GRID.window(250, 100))["position"], whole[:, 250:350], atol=1e-7
    )


def test_a_song_may_be_part_of_a_longer_one():
    drawn = STREAM.parse(PositionStream.Values(span=(0.5, 1.0)), GRID)["position"][0]
    assert drawn[0] == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ValueError, match="the begin first"):
        PositionStream.Values(span=(0.7, 0.2))
