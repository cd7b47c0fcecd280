"""Pictures of a recording: its spectrogram, with what was asked and what was heard laid over it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from muze.audio.io import resample
from muze.audio.mel import log_mel_array
from muze.core.grid import Audio
from muze.core.mel import MelSettings

Fields = Mapping[str, Any]
"""Fields of a track's record: chords, beats, segments, pitch."""
ASKED, HEARD = "#66ccee", "#eecc66"
"""Told apart by most eyes, on the dark of a spectrogram and on white (Paul Tol's bright scheme)."""
QUALITY = 80
LANES = ("sections", "chords", "beats")
MOST_LETTERS = 60
"""Names written in a lane; of more only the coloured spans are seen."""


def draw_overlay(audio: Audio, asked: Fields, heard: Fields, title: str) -> bytes:
    """Return a WebP: above the asked and heard pitch and downbeats over the log-mel, below lanes.

    Each lane has what was asked above what was heard: sections, chords, beats.
    """
    settings = MelSettings()
    log_mel = log_mel_array(resample(audio, settings.sample_rate).mono, settings)
    figure = Figure(figsize=(14, 6.2), layout="constrained", dpi=80)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    low, high = np.percentile(log_mel, (5, 99.8))
    top.imshow(
        log_mel, origin="lower", aspect="auto", cmap="magma", interpolation="nearest",
        extent=(0, audio.duration, 0, len(log_mel)), vmin=low, vmax=high,
    )  # fmt: skip
    top.set_title(shorten(title, 120), parse_math=False)
    top.set_ylabel("mel band")
    halves = ((asked, ASKED, (0.5, 1.0)), (heard, HEARD, (0.0, 0.5)))
    for fields, colour, (start, end) in halves:
        times = fields.get("downbeat_positions", ())
        top.vlines(times, start * len(log_mel), end * len(log_mel), colour, linewidth=1, alpha=0.5)
        _draw_pitch(top, fields.get("f0_contour", ()), settings, audio.duration, colour)
    _draw_lanes(below, asked, heard)
    below.set_xlim(0, audio.duration)
    top.set_ylim(0, len(log_mel))
    below.set_xlabel("seconds; blue: asked, yellow: heard")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # scripts its font has not
        figure.savefig(buffer, format="webp", pil_kwargs={"quality": QUALITY})
    return buffer.getvalue()


def band_of(hz: NDArray[np.float64], settings: MelSettings) -> NDArray[np.float64]:
    """Return the mel band, from 0, whose middle a pitch lies at; NaN where it is 0."""
    import librosa

    edges = librosa.hz_to_mel([settings.f_min, settings.f_max])
    step = (edges[1] - edges[0]) / (settings.num_mels + 1)
    bands = (librosa.hz_to_mel(np.maximum(hz, 1e-3)) - edges[0]) / step - 0.5
    return np.where(hz > 0, bands, np.nan)


def _draw_pitch(
    axes: Axes, contour: Sequence[float], settings: MelSettings, seconds: float, colour: str
) -> None:
    if not len(contour):
        return
    hz = np.asarray(contour, float)
    at = (np.arange(len(hz)) + 0.5) * seconds / len(hz)
    axes.plot(at, band_of(hz, settings), color=colour, linewidth=1.6)


def _draw_lanes(axes: Axes, asked: Fields, heard: Fields) -> None:
    rows, names = len(LANES) * 2, []
    for lane, what in enumerate(LANES):
        for half, (fields, colour) in enumerate(((asked, ASKED), (heard, HEARD))):
            y = rows - 1 - (2 * lane + half)
            names.append((y + 0.5, f"{what} {('asked', 'heard')[half]}"))
            if what == "beats":
                axes.vlines(fields.get("beat_positions", ()), y + 0.1, y + 0.5, "#888888")
                axes.vlines(fields.get("downbeat_positions", ()), y + 0.1, y + 0.9, colour)
                continue
            spans = _spans(fields, what)
            axes.broken_barh(
                [(start, end - start) for _, start, end in spans], (y + 0.05, 0.9),
                facecolors=colour, edgecolors="white", linewidth=1,
            )  # fmt: skip
            for name, start, _ in spans if len(spans) <= MOST_LETTERS else ():
                axes.text(start, y + 0.5, f" {name}", fontsize=8, va="center", clip_on=True,
                          parse_math=False, color="black")  # fmt: skip
    axes.set_ylim(0, rows)
    axes.set_yticks([y for y, _ in names], [name for _, name in names])


def _spans(fields: Fields, what: str) -> list[tuple[str, float, float]]:
    if what == "chords":
        return [(c["chord"], c["start"], c["end"]) for c in fields.get("chords", ())]
    # what is heard has borders, and no type
    return [
        ("" if s["type"] == "unknown" else s["type"], s["start"], s["end"])
        for s in fields.get("segments", ())
    ]
