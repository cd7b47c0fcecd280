"""What a picture over time has in common: rows, beats, bars, sections and chords."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

SECONDS_A_ROW = 32.0
"""What is longer is drawn in several rows."""
CHORDS_A_ROW = 48
"""Chords whose names find room; of those that follow faster only some are written."""


def split_rows(duration: float, most: int | None = None) -> list[tuple[float, float]]:
    """Return start and end of the rows, seconds; not more than ``most``, which are longer then."""
    rows = max(1, -int(-duration // SECONDS_A_ROW))
    rows = rows if most is None else min(rows, most)
    span = duration / rows
    return [(row * span, (row + 1) * span) for row in range(rows)]


def draw_times(
    axes: Axes,
    start: float,
    end: float,
    lines: Iterable[tuple[Iterable[float], float, float]],
    colour: str,
) -> None:
    """Draw lines at moments between start and end; each kind has its height and its width."""
    bottom = axes.get_ylim()[0]
    for times, height, width in lines:
        inside = [time for time in times if start <= time < end]
        axes.vlines(inside, bottom, height, color=colour, linewidth=width, alpha=0.6)


def draw_names(
    axes: Axes,
    start: float,
    end: float,
    sections: Iterable[tuple[float, float, str]],
    chords: Iterable[tuple[float, str]],
) -> None:
    """Write sections (start, end, type) and chords (start, name) above the axes."""
    over = axes.get_xaxis_transform()
    for first, last, name in sections:
        if last > start and first < end:
            left = max(first, start)
            axes.axvline(left, color="cyan", linewidth=1.2)
            axes.text(left, 1.09, name, color="black", fontsize=9, weight="bold", transform=over)
    written = -end
    for at, name in chords:
        if start <= at < end and at - written >= (end - start) / CHORDS_A_ROW:
            axes.text(at, 1.02, name, color="black", fontsize=8, transform=over, parse_math=False)
            written = at


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG, the same bytes each time."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # scripts its font has not
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
