import numpy as np
import pytest

from muze.analysis.curves import pearson, smooth, spread
from muze.core.grid import TimeGrid


def test_spread_holds_one_value_and_joins_several():
    grid = TimeGrid(4)
    assert spread(0.5, grid).tolist() == [[0.5] * 4]
    assert spread([0, 1], grid).tolist() == [[0.125, 0.375, 0.625, 0.875]]


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_smoothing_keeps_length_and_a_constant(frames):
    np.testing.assert_allclose(smooth(np.full(9, 3.0), frames), np.full(9, 3.0))


def test_smoothing_averages_over_the_window():
    assert smooth([0, 0, 3, 0, 0], 3).tolist() == [0, 1, 1, 1, 0]


def test_correlation_of_like_opposite_and_flat_curves():
    assert pearson([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert pearson([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert pearson([1, 2, 3], [5, 5, 5]) == 0
