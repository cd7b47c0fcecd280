"""Draws a render's spectrogram with its plan over time."""

from __future__ import annotations

import io
from textwrap import shorten

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from muze.pipelines.plan import Plan

SECONDS_A_ROW = 32.0
"""Longer songs are drawn in several rows."""


def draw_picture(log_mel: NDArray[np.float32], plan: Plan, title: str) -> bytes:
    """Return a PNG of the log-mel (num_mels, T) with beats, bars, chords and sections over it."""
    rows = max(1, int(np.ceil(plan.duration / SECONDS_A_ROW)))
    span = plan.duration / rows
    figure = Figure(figsize=(14, 0.6 + 3.4 * rows), layout="constrained", dpi=80)
    all_axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    level = float(np.percentile(log_mel, 5)), float(np.percentile(log_mel, 99.8))
    frame_rate = log_mel.shape[1] / plan.duration
    for row, axes in enumerate(all_axes):
        start, end = row * span, (row + 1) * span
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
        _draw_time(axes, plan, start, end, log_mel.shape[0])
        axes.set_ylabel("mel band")
    all_axes[0].set_title(shorten(title, 120), pad=30, parse_math=False)
    all_axes[-1].set_xlabel("seconds")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_time(axes: object, plan: Plan, start: float, end: float, top: int) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    grid = plan.grid
    for times, height, width in ((grid.beat_times, 4, 0.6), (grid.bar_times, top, 0.5)):
        inside = times[(times >= start) & (times < end)]
        axes.vlines(inside, 0, height, color="white", linewidth=width, alpha=0.6)
    for section in plan.sections:
        if section.end <= start or section.start >= end:
            continue
        left = max(section.start, start)
        axes.axvline(left, color="cyan", linewidth=1.2)
        axes.text(left, top * 1.09, section.type, color="black", fontsize=9, weight="bold")
        bars = grid.bar_times[section.first_bar - 1 : section.first_bar - 1 + section.bars]
        for bar, chord in zip(bars, section.chords, strict=False):
            if start <= bar < end:
                axes.text(bar, top * 1.02, chord, color="black", fontsize=8)
    axes.set_xlim(start, end)
    axes.set_ylim(0, top)
