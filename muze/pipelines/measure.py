"""Measures a recording against a plan: every stream scores what it hears."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

MUSIC_ALONE = ("has_vocals",)
"""Streams that are told of the music under a singer, and so measured in the music alone."""
Adherence = dict[str, Any]
Drawn = Mapping[str, tuple[Features, Present]]


def measure(
    audio: Audio,
    plan: Plan,
    drawn: Drawn,
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
    heard = listen(audio, plan, drawn, registry, report, streams)
    scores = score(heard, plan, drawn, registry, report, dropped, streams)
    return {"muze_adherence": 1, "seconds": round(audio.duration, 3), "scores": scores}


def as_long(audio: Audio, plan: Plan) -> Audio:
    """Return a sound, mono, as long as a plan: cut, or with silence after it."""
    length = round(plan.grid.duration * audio.sample_rate)
    samples = audio.mono[:length]
    return Audio(np.pad(samples, (0, length - len(samples)))[None], audio.sample_rate)


def listen(
    audio: Audio,
    plan: Plan,
    names: Iterable[str],
    registry: Registry,
    report: Report,
    streams: Mapping[str, Any] | None = None,
) -> dict[str, Features]:
    """Return what each stream hears over the plan's length; one nobody here can hear is noted."""
    heard, heard_audio = {}, as_long(audio, plan)
    names = list(names)
    advance = report.task("listening to the render", len(names))
    for name in names:
        try:
            with registry.blame(name, "measure the render"):
                heard[name] = configured(name, registry, streams).extract(heard_audio, plan.grid)
        except NotInstalledError as fault:
            report.note(f"{name} is not measured: {fault}")
        advance()
    return heard


def score(
    heard: Mapping[str, Features],
    plan: Plan,
    drawn: Drawn,
    registry: Registry,
    report: Report,
    dropped: Mapping[str, float] | None = None,
    streams: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of ``measure`` for what was heard."""
    scores = []
    for name, found in heard.items():
        stream = configured(name, registry, streams)
        features, present = drawn[name]
        asked = {**features, "present": present.astype(np.float32)}
        try:
            with registry.blame(name, "measure the render"):
                rows = stream.score(asked, found, plan.grid)
        except NotInstalledError as fault:
            report.note(f"{name} is not measured: {fault}")
            continue
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
    return scores


def measure_file(path: Path, plan: Plan, registry: Registry, report: Report) -> Adherence:
    """Return how well a sound file, ours or another's, does what a plan says.

    Raises:
        AudioError: the file cannot be read.
    """
    audio = resample(read_audio(path), LISTENING_RATE)
    return measure(audio, plan, draw(plan, registry, report), registry, report)
