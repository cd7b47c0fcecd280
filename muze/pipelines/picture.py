"""Draws a render's spectrogram with its plan over time."""

from __future__ import annotations

from textwrap import shorten

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from muze.pipelines.plan import Plan
from muze.pipelines.timeline import as_png, draw_names, draw_times, split_rows


def draw_picture(log_mel: NDArray[np.float32], plan: Plan, title: str) -> bytes:
    """Return a PNG of the log-mel (num_mels, T) with beats, bars, chords and sections over it."""
    rows = split_rows(plan.duration)
    figure = Figure(figsize=(14, 0.6 + 3.4 * len(rows)), layout="constrained", dpi=80)
    all_axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    level = float(np.percentile(log_mel, 5)), float(np.percentile(log_mel, 99.8))
    frame_rate = log_mel.shape[1] / plan.duration
    for axes, (start, end) in zip(all_axes, rows, strict=True):
        first, last = round(start * frame_rate), round(end * frame_rate)
        axes.imshow(
            log_mel[:, first:last],
            origin="lower",
            aspect="auto",
            extent=(start, end, 0, log_mel.shape[0]),
            cmap="magma",
            vmin=level[0],
            vmax=level[1],
            interpolation="nearest",
        )
        _draw_plan(axes, plan, start, end, log_mel.shape[0])
        axes.set_ylabel("mel band")
    all_axes[0].set_title(shorten(title, 120), pad=30, parse_math=False)
    all_axes[-1].set_xlabel("seconds")
    return as_png(figure)


def _draw_plan(axes: Axes, plan: Plan, start: float, end: float, top: int) -> None:
    grid = plan.grid
    draw_times(axes, start, end, ((grid.beat_times, 4, 0.6), (grid.bar_times, top, 0.5)), "white")
    sections = [(part.start, part.end, part.type) for part in plan.sections]
    chords = []
    for part in plan.sections:
        bars = grid.bar_times[part.first_bar - 1 : part.first_bar - 1 + part.bars]
        chords += [(float(bar), name) for bar, name in zip(bars, part.chords, strict=False)]
    draw_names(axes, start, end, sections, chords)
    axes.set_xlim(start, end)
    axes.set_ylim(0, top)
