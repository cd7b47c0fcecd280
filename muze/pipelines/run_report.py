"""The page of a run: its curves, its previews and their figures, all from the run's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import write_whole
from muze.pipelines.chart import CHART_STYLE, POINTS, Line, chart, smoothed
from muze.pipelines.page import page, table, text
from muze.pipelines.report_previews import previews_part
from muze.pipelines.run_state import About, read_about
from muze.pipelines.training import LoopSettings, rate_at, state_folder

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self' file:"
"""No script, and nothing from elsewhere; sound from the run's folder alone."""
WIDE = ".shown { grid-template-columns: repeat(auto-fit, minmax(min(32em, 100%), 1fr)) }"
STYLE = f"{CHART_STYLE} {WIDE} details {{ margin: 1em 0 }}"
SESSION = ("step", "began", "device", "processes", "threads", "torch", "muze")
"""What is told of each time the run was started or resumed."""


def write_report(run: Path, about: About) -> Path:
    """Write ``<run>/report.html`` from what a state says and ``<run>/previews``; return its path.

    Raises:
        OSError: it cannot be written.
    """
    path = run / "report.html"
    write_whole(path, run_page(run, about).encode())
    return path


def rewrite_report(run: Path) -> Path:
    """Write the page of a run anew, from its last state; return its path.

    Raises:
        CheckpointError: there is no run in the folder.
        OSError: it cannot be written.
    """
    return write_report(run, read_about(state_folder(run)))


def run_page(run: Path, about: About) -> str:
    """Return the page of a run; the sounds it plays are named relative to the run's folder."""
    s, step = about["settings"], int(about["step"])
    sessions = [[one.get(key, "") for key in SESSION] for one in about.get("sessions", [])]
    parts = [
        f"<p>{'<br>'.join(text(line) for line in facts(about))}</p>",
        f'<div class="plots">{"".join(_curves(about))}</div>',
        previews_part(run, step),
        "<h2>The run</h2>",
        table(("from step", *SESSION[1:]), sessions) if sessions else "",
        "<details><summary>Settings</summary>",
        table(("setting", "value"), _flat(s)),
        "</details>",
    ]
    name = about.get("name", "training")
    title = f"{run.resolve().name}: {name}, step {step} of {s['steps']}"
    return page(title, "\n".join(parts), STYLE, POLICY)


def facts(about: About) -> list[str]:
    """Return in words where a run stands: losses, time, weights, data."""
    s, step, lines = about["settings"], int(about["step"]), []
    recent = [row["loss"] for row in about["losses"][-100:] if "loss" in row]
    if recent:
        lines.append(f"loss {np.mean(recent):.4g}, mean of the last {len(recent)} steps")
    validated = [row for row in about.get("validated", []) if "loss" in row]
    if validated:
        last, best = validated[-1], min(validated, key=lambda row: float(row["loss"]))
        lines.append(
            f"validated {last['loss']:.4g} at step {last['step']}, "
            f"best {best['loss']:.4g} at step {best['step']}"
        )
    seconds = float(about.get("seconds", 0))
    if seconds and step:
        waited = float(about.get("waited", 0)) / seconds
        told = f"{_duration(seconds)} in steps, {waited:.1%} of it waiting for data"
        left = _duration(seconds / step * (s["steps"] - step))
        lines.append(told if step == s["steps"] else f"{told}; {left} left")
    if weights := about.get("weights"):
        lines.append(f"{weights['all']:,} weights, {weights['trained']:,} of them trained")
    lines.append(f"dataset {s['dataset']}, sha256 {str(about.get('dataset_sha256'))[:16]}")
    return lines


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _curves(about: About) -> Iterator[str]:
    """Yield the charts of losses, rate, gradient and speed; of what is not known, nothing."""
    s, losses = about["settings"], about["losses"]
    names = list(dict.fromkeys(name for row in losses for name in row))
    yield _losses("Loss", ["loss"], about)
    yield _losses("What the loss is made of", [name for name in names if name != "loss"], about)
    plan = LoopSettings.model_construct(**{k: s[k] for k in LoopSettings.model_fields if k in s})
    shown = sorted({*np.linspace(0, max(len(losses) - 1, 0), POINTS).astype(int).tolist()})
    rates = [rate_at(step, plan) for step in shown]
    yield chart("Learning rate", [Line("learning rate", [step + 1 for step in shown], rates)])
    norm = _smoothed("norm", about.get("norms", []))
    ends = (norm.steps[0], norm.steps[-1]) if norm.steps else ()
    clip = Line(f"clipped to {plan.clip:g}", ends, [plan.clip] * len(ends), "level")
    yield chart("Norm of the gradient", [norm, clip], log=True)
    taken = _smoothed("steps a second", about.get("step_seconds", []))
    speed = [1 / seconds if seconds else np.nan for seconds in taken.values]
    yield chart("Steps a second", [Line(taken.name, taken.steps, speed)])


def _losses(title: str, names: Sequence[str], about: About) -> str:
    lines = []
    for name in names:
        lines.append(_smoothed(name, [row.get(name) for row in about["losses"]]))
        rows = [row for row in about.get("validated", []) if name in row]
        steps, values = [row["step"] for row in rows], [row[name] for row in rows]
        lines.append(Line(f"{name}, validated", steps, values, "dots"))
    return chart(title, lines, log=True)


def _smoothed(name: str, values: Sequence[float | None]) -> Line:
    """Return the smoothed line of what is known of each step, from the first on."""
    known = [np.nan if value is None else value for value in values]
    return smoothed(name, range(1, len(known) + 1), known)


def _flat(settings: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting by its whole name, ``unet.dropout``."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", "-" if value is None else str(value)
