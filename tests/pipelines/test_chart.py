import re

import numpy as np
import pytest

from muze.pipelines.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    chart,
    moving_mean,
)
from muze.pipelines.chart import smoothed as smooth


def paths(svg):
    """The points of each line drawn."""
    found = re.findall(r'class="line"[^>]* d="M([^"]*)"/>(?!</svg>)', svg.split("<figcaption>")[0])
    return [[tuple(map(float, p.split())) for p in one.split("L")] for one in found]


def test_a_moving_mean_is_that_of_a_value_and_those_before_it():
    assert moving_mean([1, 2, 3, 4, 5], 3).tolist() == [1, 1.5, 2, 3, 4]
    assert moving_mean([], 3).tolist() == []


def test_smoothing_leaves_out_what_is_not_finite_and_keeps_the_ends():
    values = [np.nan, 1.0, np.inf, 3.0]
    line = smooth("loss", [1, 2, 3, 4], values)
    assert (line.steps, line.values) == ([2, 4], [1.0, 2.0])
    long = smooth("loss", range(10_000), np.ones(10_000))
    assert len(long.steps) == POINTS
    assert (long.steps[0], long.steps[-1]) == (0, 9999)
    assert set(long.values) == {1.0}


def test_a_line_fills_the_frame_and_its_middle_is_in_the_middle():
    (line,) = paths(chart("a", [Line("x", [0, 5, 10], [0, 1, 2])]))
    floor = HEIGHT - BOTTOM
    assert line == [
        (LEFT, floor), ((LEFT + WIDTH - RIGHT) / 2, (floor + TOP) / 2), (WIDTH - RIGHT, TOP),
    ]  # fmt: skip


def test_a_logarithmic_axis_puts_the_geometric_mean_in_the_middle():
    (line,) = paths(chart("a", [Line("x", [0, 5, 10], [1, 10, 100])], log=True))
    assert line[1][1] == pytest.approx((line[0][1] + line[2][1]) / 2, abs=0.1)
    (line,) = paths(chart("a", [Line("x", [0, 5, 10], [0, 10, 100])], log=True))  # has a zero
    assert line[1][1] != pytest.approx((line[0][1] + line[2][1]) / 2, abs=0.1)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[3.0], [5.0, 5.0], [1e-9, 2e-9], [-1.0, 1e6], [0.41, 0.43]])
def test_every_axis_has_marks_inside_the_frame(values, log):
    svg = chart("a", [Line("x", range(len(values)), values)], log)
    marks = [float(y) for y in re.findall(rf'<text x="{LEFT - 6}.0" y="([^"]*)"', svg)]
    assert len(marks) >= 2
    assert all(TOP <= y <= HEIGHT for y in marks)
    assert "nan" not in svg


def test_a_level_has_the_colour_of_the_line_before_it():
    lines = [Line(name, [0, 1], [k, k], kind) for k, (name, kind) in enumerate(
        [("a", "dots"), ("a at best", "level"), ("b", "dots"), ("b at best", "level")]
    )]  # fmt: skip
    keys = chart("a", lines).split("<figcaption>")[1]
    assert re.findall(r'class="(c\d)"', keys) == ["c0", "c0", "c1", "c1"]
    unnamed = chart("a", [lines[0], Line("", [0, 1], [1, 1], "level")])
    assert len(paths(unnamed)) == 2
    assert unnamed.split("<figcaption>")[1].count("<span>") == 1


def test_an_axis_holds_what_it_is_to_be_within():
    (line,) = paths(chart("a", [Line("x", [0, 1], [0.5, 0.5])], within=(0, 1)))
    assert {y for _, y in line} == {(HEIGHT - BOTTOM + TOP) / 2}


def test_nothing_to_draw_is_no_chart():
    assert chart("a", []) == ""
    assert chart("a", [Line("x", [1], [np.nan])]) == ""
