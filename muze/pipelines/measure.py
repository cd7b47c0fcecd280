"""Measures a recording against a plan: every stream scores what it hears."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import read_audio, resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio, Features
from muze.core.registry import Registry
from muze.pipelines.draw import LISTENING_RATE, Present, configured, draw
from muze.pipelines.plan import Plan
from muze.report import Report

Adherence = dict[str, Any]


def measure(
    audio: Audio,
    plan: Plan,
    drawn: Mapping[str, tuple[Features, Present]],
    registry: Registry,
    report: Report,
    dropped: Mapping[str, float] | None = None,
    streams: Mapping[str, Any] | None = None,
) -> Adherence:
    """Return how well ``audio`` does what the plan says, stream by stream.

    Each row tells the stream, the figure, its value and unit, whether more is better, what chance
    gets, whether the song or one of its sections asked for it or muze decided it, the extractor
    that heard it, and what this model's renders get with every control dropped (``dropped``, from
    its evaluation). ``streams`` gives streams as the model configures them.
    """
    grid = plan.grid
    length = round(grid.duration * audio.sample_rate)
    samples = audio.mono[:length]
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    heard_audio = Audio(samples[None], audio.sample_rate)
    advance = report.task("listening to the render", len(drawn))
    scores = []
    for name, (features, present) in drawn.items():
        stream = configured(name, registry, streams)
        asked = {**features, "present": present.astype(np.float32)}
        try:
            with registry.blame(name, "measure the render"):
                heard = stream.extract(heard_audio, grid)
                rows = stream.score(asked, heard, grid)
        except NotInstalledError as fault:
            report.note(f"{name} is not measured: {fault}")
            rows = []
        for row in rows:
            scores.append(
                {
                    "stream": name,
                    "name": row.name,
                    "value": float(row.value),
                    "unit": row.unit,
                    "higher_is_better": row.higher_is_better,
                    "floor": row.floor,
                    "dropped": (dropped or {}).get(f"{name}.{row.name}"),
                    "origin": plan.origin_of(name),
                    "extractor": f"{stream.extractor} ({registry.version(name)})",
                }
            )
        advance()
    return {"muze_adherence": 1, "seconds": round(audio.duration, 3), "scores": scores}


def measure_file(path: Path, plan: Plan, registry: Registry, report: Report) -> Adherence:
    """Return how well a sound file, ours or another's, does what a plan says.

    Raises:
        AudioError: the file cannot be read.
    """
    audio = resample(read_audio(path), LISTENING_RATE)
    return measure(audio, plan, draw(plan, registry, report), registry, report)
