"""One track of a dataset: found by what a user calls it, told field by field, drawn over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from muze.core.errors import DatasetError, did_you_mean
from muze.data.fields import form_of
from muze.data.names import folded, printable, short
from muze.data.store import Record, iterate_dataset
from muze.pipelines.timeline import as_png, draw_names, draw_times, split_rows

MOST_ROWS = 12
"""Rows of a picture: of an hour, each tells five minutes."""
LONGEST = 160
"""Letters of a value that are shown."""
FIRST = 6
"""Values of a list that are shown."""
FRAMES_A_SECOND, LEVELS_A_SECOND = 100, 10
"""Of f0_contour, and of loudness_curve."""


@dataclass(frozen=True)
class Told:
    """A field of a record: its value in short, and who told it or why it is not there."""

    field: str
    value: str
    source: str


def find_track(path: Path, wanted: str) -> tuple[int, Record]:
    """Return a track's number and record: by its number from 0, its audio_path, or part of a name.

    Parts are looked for in audio_path and title, in small letters as in capitals.

    Raises:
        DatasetError: there is no such track, or several; or the dataset is none.
    """
    names = [
        (str(record["audio_path"]), str(record.get("title") or ""))
        for record in iterate_dataset(path, ("title",))
    ]
    number = _number(path, wanted, names)
    for index, record in enumerate(iterate_dataset(path)):
        if index == number:
            return index, record
    raise DatasetError(f"{path}: changed while it was read")


def _number(path: Path, wanted: str, names: Sequence[tuple[str, str]]) -> int:
    exact = [index for index, (audio, _) in enumerate(names) if audio == wanted]
    if exact:
        return exact[0]
    if wanted.isdecimal():
        if int(wanted) < len(names):
            return int(wanted)
        raise DatasetError(f"{path}: has no track {wanted}; the last is {len(names) - 1}")
    part = folded(wanted)
    found = [index for index, both in enumerate(names) if any(part in folded(n) for n in both)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(f"{index} ({printable(names[index][0])})" for index in found[:FIRST])
        more = f" and {len(found) - FIRST} more" if len(found) > FIRST else ""
        raise DatasetError(f"{path}: {wanted!r} is part of tracks {some}{more}; say more of it")
    known = [name for both in names for name in both if name]
    raise DatasetError(f"{path}: has no track {wanted!r}{did_you_mean(wanted, known)}")


def track_card(record: Record) -> list[Told]:
    """Return a record's fields in order, each in short."""
    made = record.get("provenance")
    each: Mapping[str, Any] = made if isinstance(made, Mapping) else {}
    whole = form_of(each) == "whole"
    rows = []
    for field, value in record.items():
        if field != "provenance":
            by = each.get(field)
            rows.append(Told(field, _shown(value), _source(by if isinstance(by, dict) else {})))
    return [*rows, Told("provenance", "of all fields", _source(each))] if whole else rows


def _source(by: Mapping[str, Any]) -> str:
    told = str(by.get("backend") or "")
    if by.get("version"):
        told += f", version {by['version']}"
    if (sure := by.get("confidence")) is not None:
        told += f", confidence {sure}"
    if by.get("reason"):
        told = f"{by['reason']} ({told})" if told else str(by["reason"])
    return printable(told)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        told = ", ".join(f"{key}: {_shown(item)}" for key, item in value.items())
    elif isinstance(value, list):
        few = ", ".join(_item(item) for item in value[:FIRST])
        told = f"{few}, ... ({len(value)})" if len(value) > FIRST else few or "none"
    else:
        told = str(value)
    return short(told.replace("\n", " / "), LONGEST)


def _item(item: object) -> str:
    if isinstance(item, bool):
        return "yes" if item else "no"
    if not isinstance(item, dict):
        return f"{item:.6g}" if isinstance(item, float) else str(item)
    values = [str(value) for key, value in item.items() if key not in ("start", "end")]
    at = f"@{item['start']:.1f}" if isinstance(item.get("start"), int | float) else ""
    return f"{'/'.join(values)}{at}"


def draw_track(record: Record) -> bytes:
    """Return a PNG of a track's pitch, loudness and energy under its sections, chords and beats.

    Raises:
        DatasetError: a curve of the record is no list of numbers.
    """
    rows = split_rows(float(record["duration"]), MOST_ROWS)
    pitched = bool(_curve(record, "f0_contour").any())
    panels = 2 if pitched else 1
    figure = Figure(figsize=(14, 0.8 + 1.7 * panels * len(rows)), layout="constrained", dpi=80)
    all_axes = figure.subplots(panels * len(rows), 1, squeeze=False)[:, 0]
    for row, (start, end) in enumerate(rows):
        axes = all_axes[panels * row : panels * (row + 1)]
        if pitched:
            _draw_pitch(axes[0], record, start, end)
        _draw_levels(axes[-1], record, start, end)
        for one in axes:
            _draw_beats(one, record, start, end)
            one.set_xlim(start, end)
        sections = [(s["start"], s["end"], s["type"]) for s in record.get("segments") or ()]
        chords = [(c["start"], printable(c["chord"])) for c in record.get("chords") or ()]
        draw_names(axes[0], start, end, sections, chords)
    name = " - ".join(str(record[key]) for key in ("artist", "title") if record.get(key))
    title = short(name or str(record["audio_path"]), 120)
    all_axes[0].set_title(title, pad=30, parse_math=False)
    all_axes[-1].set_xlabel("seconds")
    return as_png(figure)


def _draw_beats(axes: Axes, record: Record, start: float, end: float) -> None:
    bottom, top = axes.get_ylim()
    beats = (record.get("beat_positions") or (), bottom + 0.06 * (top - bottom), 0.8)
    bars = (record.get("downbeat_positions") or (), top, 0.5)
    draw_times(axes, start, end, (beats, bars), "grey")
    axes.set_ylim(bottom, top)


def _draw_pitch(axes: Axes, record: Record, start: float, end: float) -> None:
    hertz = _curve(record, "f0_contour")
    seconds = (np.arange(len(hertz)) + 0.5) / FRAMES_A_SECOND
    voiced = _curve(record, "f0_voiced_mask")
    sung = (hertz > 0) & (voiced > 0) if len(voiced) == len(hertz) else hertz > 0
    semitones = np.full(len(hertz), np.nan)
    semitones[sung] = 69 + 12 * np.log2(hertz[sung] / 440)
    here = (seconds >= start) & (seconds < end)
    axes.plot(seconds[here], semitones[here], color="tab:red", linewidth=1.2)
    axes.set_ylim(float(np.nanmin(semitones)) - 2, float(np.nanmax(semitones)) + 2)
    axes.set_ylabel("f0, MIDI")


def _draw_levels(axes: Axes, record: Record, start: float, end: float) -> None:
    segments = [s for s in record.get("segments") or () if s.get("energy") is not None]
    axes.set_ylim(0, 1)
    axes.set_ylabel("energy")
    curve = _curve(record, "energy_curve")
    if len(curve):
        axes.fill_between(np.arange(len(curve)) + 0.5, curve, color="tab:blue", alpha=0.3)
    else:
        for segment in segments:
            axes.fill_between(
                (segment["start"], segment["end"]), segment["energy"], color="tab:blue", alpha=0.3
            )
    curve = _curve(record, "loudness_curve")
    if len(curve):
        levels = axes.twinx()
        seconds = (np.arange(len(curve)) + 0.5) / LEVELS_A_SECOND
        levels.plot(seconds, curve, color="tab:green", linewidth=1)
        levels.set_ylim(float(np.percentile(curve, 2)) - 6, float(curve.max()) + 3)
        levels.set_ylabel("LUFS")
        levels.set_xlim(start, end)


def _curve(record: Record, field: str) -> NDArray[np.float64]:
    """Return a curve of the record, (T,); empty where it has none."""
    try:
        curve = np.asarray(record.get(field) or [], float)
    except (TypeError, ValueError):
        curve = np.full((1, 1), np.nan)
    if curve.ndim != 1 or not np.isfinite(curve).all():
        raise DatasetError(f"{record['audio_path']}: {field} is no list of numbers")
    return curve
