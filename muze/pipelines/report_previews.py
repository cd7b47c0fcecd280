"""What a run's page shows of its previews: sounds, pictures, and figures over the training."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from muze.pipelines.chart import Line, chart
from muze.pipelines.page import table, text

MOST = 8
"""Previews heard and seen at most: the first, the last, and some between."""
TRUTH = "the song itself"
SPANS = {"share": (0, 1), "F1": (0, 1)}
"""From what to what figures of a unit go."""
Shown = Mapping[str, Any]
"""What the file of a preview says."""
Figure = tuple[Shown, dict[str, float]]
"""What a figure says of itself, and its values by whose they are: ``step 500`` or the song's."""


def previews_part(run: Path, step: int) -> str:
    """Return the part of the page; previews after ``step`` are of an attempt taken back."""
    folder = run / "previews"
    read = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("step-*.json")]
    shown: list[Shown] = sorted((s for s in read if s["step"] <= step), key=lambda s: s["step"])
    if not shown:
        return "<h2>Previews</h2><p>There are none; preview_every says how often one is made.</p>"
    truth: Shown = {}
    if (folder / "truth.json").exists():
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    chosen = [
        shown[k] for k in sorted({*np.linspace(0, len(shown) - 1, MOST).astype(int).tolist()})
    ]
    count = f"<p>{len(chosen)} of {len(shown)}, the last one first.</p>"
    sounds = [_preview(folder, one) for one in reversed(chosen)]
    song = _heard(f"{TRUTH[0].upper()}{TRUTH[1:]}", "truth.wav") if truth else ""
    return "\n".join(
        [
            f'<h2>Previews</h2>{count}{song}<div class="plots shown">',
            *sounds,
            "</div>",
            "<h2>Figures of the previews</h2>",
            _table(chosen, truth),
            f"<p>Over the training; dotted, {TRUTH}.</p>" if truth.get("scores") else "",
            f'<div class="plots">{"".join(_charts(shown, truth))}</div>',
        ]
    )


def _preview(folder: Path, shown: Shown) -> str:
    stem = f"step-{shown['step']:06d}"
    picture = ""
    if (path := folder / f"{stem}.webp").exists():
        inside = base64.b64encode(path.read_bytes()).decode()
        picture = f'<img alt="log-mel spectrograms" src="data:image/webp;base64,{inside}">'
    title = f"Step {shown['step']}" + (f": {shown['prompt']}" if shown.get("prompt") else "")
    return f"<div>{_heard(title, f'{stem}.wav')}{picture}</div>"


def _heard(title: str, file: str) -> str:
    """Return a title and a sound, which is not loaded before it is played."""
    return f'<h3>{text(title)}</h3><audio controls preload="none" src="previews/{file}"></audio>'


def _table(shown: Sequence[Shown], truth: Shown) -> str:
    """Return every stream's figures, beside what chance and the song itself get."""
    figures = _figures(shown, truth)
    whose = list(dict.fromkeys(name for _, values in figures.values() for name in values))
    rows = [
        [
            stream, name, about["unit"], "more" if about["higher_is_better"] else "less",
            "" if about["floor"] is None else float(about["floor"]),
            *(values.get(one, "") for one in whose),
        ]
        for (stream, name), (about, values) in figures.items()
    ]  # fmt: skip
    silent = {name: why for one in shown for name, why in one.get("unheard", {}).items()}
    notes = "".join(f"<li>{text(f'{name}: {why}')}</li>" for name, why in silent.items())
    told = f"<p>Streams that could not be measured:</p><ul>{notes}</ul>" if notes else ""
    return table(("stream", "figure", "unit", "better is", "chance", *whose), rows) + told


def _figures(shown: Sequence[Shown], truth: Shown) -> dict[tuple[str, str], Figure]:
    """Return each stream's figures, the song's own first and then in the order of the steps."""
    found: dict[tuple[str, str], Figure] = {}
    for whose, one in [(TRUTH, truth), *((f"step {one['step']}", one) for one in shown)]:
        for row in one.get("scores", ()):
            key = str(row["stream"]), str(row["name"])
            found.setdefault(key, (row, {}))[1][whose] = float(row["value"])
    return found


def _charts(shown: Sequence[Shown], truth: Shown) -> Iterator[str]:
    """Yield a chart for each stream and unit: its figures over the steps, and the song's own."""
    charts: dict[tuple[str, str], list[Line]] = {}
    for (stream, name), (about, values) in _figures(shown, truth).items():
        lines = charts.setdefault((stream, about["unit"]), [])
        points = [(one["step"], values.get(f"step {one['step']}", np.nan)) for one in shown]
        line = Line(name, [step for step, _ in points], [value for _, value in points], "dots")
        lines.append(line)
        if line.points and TRUTH in values:
            ends = line.points[0][0], line.points[-1][0]
            lines.append(Line("", ends, [values[TRUTH]] * 2, "level"))
    for (stream, unit), lines in charts.items():
        yield chart(f"{stream} ({unit})", lines, within=SPANS.get(unit, ()))
