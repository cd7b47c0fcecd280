import numpy as np
import pytest

from muze.evaluation.intervals import Interval, differences, means


def test_an_interval_holds_its_mean_and_narrows_with_more_songs():
    numbers = np.random.default_rng(0)
    few, many = (Interval.of(numbers.normal(0.5, 0.1, count)) for count in (10, 1000))
    for found in (few, many):
        assert found.low < found.mean < found.high
    # the mean of 1000 has a standard error of 0.1 / sqrt(1000), and 95 % lie within 1.96 of those
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.1 / 1000**0.5, rel=0.1)
    assert few.high - few.low > 5 * (many.high - many.low)


def test_the_same_values_have_the_same_interval_every_time():
    assert Interval.of([0.1, 0.9, 0.4]) == Interval.of([0.1, 0.9, 0.4])
    assert str(Interval.of([0.5, 0.5])) == "0.500 [0.500, 0.500]"


def test_a_figure_that_some_songs_lack_is_of_those_that_have_it():
    found = means([{"a": 1.0, "b": 0.0}, {"a": 0.0}])
    assert (found["a"].mean, found["a"].count, found["b"].count) == (0.5, 2, 1)


def test_differences_are_song_by_song():
    """A difference that every song has alike is sure, however far apart the songs are."""
    hard, easy = [0.0, 0.5, 0.9], [0.1, 0.6, 1.0]
    first, second = ([{"a": value} for value in side] for side in (easy, hard))
    found = differences(first, second)["a"]
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert means(first)["a"].low < means(second)["a"].high
    assert differences([{"a": 1.0}], [{"b": 1.0}]) == {}
