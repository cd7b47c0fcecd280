"""Charts of figures over the steps of a training, as SVG in the colours of the page around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from muze.pipelines.page import text

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 72, 12, 12, 44
SMOOTH = 10
"""Steps of a moving mean at least."""
POINTS = 300
"""Points of a line at most; a screen shows no more."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa8800", "#1f9bc0", "#aa3377", "#888888")
"""Told apart by most eyes, on white and on black (Paul Tol's bright scheme, darker where pale)."""
DASHES = ("", "7 3", "2 3", "9 3 2 3")
CHART_STYLE = (
    "".join(f".c{number} {{ --mine: {colour} }} " for number, colour in enumerate(COLOURS))
    + """
svg { font: 17px sans-serif; fill: var(--ink) } .axis { stroke: var(--rule); fill: none }
.line { fill: none; stroke: var(--mine); stroke-width: 1.6 } .dot { fill: var(--mine) }
figcaption { display: flex; flex-wrap: wrap; gap: 0 1.2em; font-size: .85em }
figcaption svg { width: 2.2em; height: .8em; margin-right: .4em }
"""
)


@dataclass(frozen=True)
class Line:
    """One figure over the steps; what is not finite is left out.

    A line without a name is not among those that are named below the chart.
    """

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    kind: Literal["line", "dots", "level"] = "line"
    """``dots`` are joined, each marked; a ``level`` is dotted, in the colour of the line before."""

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points (step, value) that can be drawn."""
        pairs = zip(self.steps, self.values, strict=True)
        return [(float(x), float(y)) for x, y in pairs if math.isfinite(y)]


def moving_mean(values: Sequence[float], width: int) -> np.ndarray:
    """Return the mean of each value and those before it, ``width`` in all; shape as ``values``."""
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, float))])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - width, 0)
    means: np.ndarray = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def smoothed(name: str, steps: Sequence[float], values: Sequence[float]) -> Line:
    """Return a line of moving means over a fiftieth of its length, or ten; of points that show."""
    pairs = [(x, y) for x, y in zip(steps, values, strict=True) if math.isfinite(y)]
    means = moving_mean([y for _, y in pairs], max(SMOOTH, len(pairs) // 50))
    shown = sorted({*np.linspace(0, len(pairs) - 1, POINTS).astype(int).tolist()} if pairs else ())
    return Line(name, [pairs[k][0] for k in shown], [float(means[k]) for k in shown])


def chart(
    title: str, lines: Sequence[Line], log: bool = False, within: Sequence[float] = ()
) -> str:
    """Return a figure of HTML: a heading, the lines over the steps, and which line is which.

    With ``log`` the values stand on a logarithmic axis, where all are above zero. The axis holds
    what it is to be ``within``, too. Nothing comes back where there is no point to draw.
    """
    drawn = [line for line in lines if line.points]
    if not drawn:
        return ""
    xs = [x for line in drawn for x, _ in line.points]
    ys = [*within, *(y for line in drawn for _, y in line.points)]
    log = log and min(ys) > 0
    x_at, x_marks = _axis(min(xs), max(xs), LEFT, WIDTH - RIGHT, False)
    y_at, y_marks = _axis(min(ys), max(ys), HEIGHT - BOTTOM, TOP, log)
    floor = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}"/>']
    for mark in y_marks:
        at = y_at(mark)
        parts.append(f'<path class="axis" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_letters(LEFT - 6, at + 6, f"{mark:g}", "end"))
    for mark in x_marks:
        at = x_at(mark)
        parts.append(f'<path class="axis" d="M{at:.1f} {floor}v5"/>')
        parts.append(_letters(at, floor + 22, f"{mark:g}", "middle"))
    parts.append(_letters(WIDTH - RIGHT, HEIGHT - 4, "step", "end"))
    numbered = list(zip(_numbers(drawn), drawn, strict=True))
    parts += [_drawn(number, line, x_at, y_at) for number, line in numbered]
    words = f'role="img" aria-label="{text(title)}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    keys = "".join(_key(number, line) for number, line in numbered if line.name)
    body = "\n".join(parts)
    head = f"<h3>{text(title)}</h3>"
    return (
        f"<figure>{head}\n<svg {words}>\n{body}\n</svg>\n<figcaption>{keys}</figcaption></figure>"
    )


def _numbers(lines: Sequence[Line]) -> list[int]:
    """Return the number of each line's look; a level looks like the line before it."""
    count = np.cumsum([line.kind != "level" for line in lines])
    return [max(int(number) - 1, 0) for number in count]


def _axis(
    low: float, high: float, start: float, end: float, log: bool
) -> tuple[Callable[[float], float], list[float]]:
    """Return where a value lies, and the values marked, from one end of an axis to the other."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    if log and high / low >= 10:
        marks = LogLocator(subs=(1, 2, 5)).tick_values(low, high)
    else:
        marks = MaxNLocator(5).tick_values(low, high)
    scaled = math.log if log else float
    first, last = scaled(low), scaled(high)

    def at(value: float) -> float:
        return start + (end - start) * (scaled(value) - first) / (last - first)

    slack = 1e-9 * (high - low)
    return at, [
        0.0 if abs(m) < slack else float(m) for m in marks if low - slack <= m <= high + slack
    ]


def _letters(x: float, y: float, told: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(told)}</text>'


def _stroke(number: int, line: Line) -> str:
    dash = "1 4" if line.kind == "level" else DASHES[number // len(COLOURS) % len(DASHES)]
    return f'class="line" stroke-dasharray="{dash}"' if dash else 'class="line"'


def _drawn(
    number: int, line: Line, x_at: Callable[[float], float], y_at: Callable[[float], float]
) -> str:
    places = [(x_at(x), y_at(y)) for x, y in line.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = places if line.kind == "dots" or len(places) == 1 else []
    marks = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in dots)
    name = f"<title>{text(line.name)}</title>"
    stroke = _stroke(number, line)
    return f'<g class="c{number % len(COLOURS)}">{name}<path {stroke} d="M{path}"/>{marks}</g>'


def _key(number: int, line: Line) -> str:
    marks = '<circle class="dot" cx="14" cy="5" r="3"/>' if line.kind == "dots" else ""
    stroke = f'<path {_stroke(number, line)} d="M0 5H28"/>'
    return (
        f'<span><svg class="c{number % len(COLOURS)}" viewBox="0 0 28 10" aria-hidden="true">'
        f"{stroke}{marks}</svg>{text(line.name)}</span>"
    )
