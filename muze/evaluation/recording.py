"""One recording against what it should be: every figure beside floor, dropped and ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import read_audio, resample
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.evaluation.ceilings import ceiling_of
from muze.model.header import read_header
from muze.pipelines.draw import LISTENING_RATE, configured, draw
from muze.pipelines.measure import Adherence, listen, score
from muze.pipelines.model_info import model_folder
from muze.pipelines.plan import Plan, plan_file, read_plan
from muze.pipelines.replay import check_told
from muze.report import Report, SilentReport

FIXED_SEED = 0
"""Decides what a song without a seed does not say, so that the same figures come back."""
OVERLAID = {
    "chord": ("chords",),
    "beat": ("beat_positions", "downbeat_positions"),
    "section": ("segments",),
    "f0": ("f0_contour",),
}
"""Fields of streams that a picture lays over the spectrogram."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of one recording, and what was asked of it and heard in it over time."""

    adherence: Adherence
    asked: dict[str, Any]
    heard: dict[str, Any]
    """Fields of a track's record that say when what happens: chords, beats, segments, pitch."""


def evaluate(
    audio: Audio,
    plan: Plan,
    registry: Registry | None = None,
    report: Report | None = None,
    dropped: Mapping[str, float] | None = None,
    streams: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Return how well any sound does what a plan says; no network that makes music is loaded.

    Rows are those of ``muze.pipelines.measure.measure``, with ``ceiling``: what the same extractor
    hears in songs whose truth is known.
    """
    registry, report = registry or Registry(), report or SilentReport()
    audio = resample(audio, LISTENING_RATE)
    drawn = draw(plan, registry, report, streams)
    heard = listen(audio, plan, drawn, registry, report, streams)
    rows = score(heard, plan, drawn, registry, report, dropped, streams)
    for row in rows:
        row["ceiling"] = ceiling_of(row)
    adherence = {"muze_adherence": 1, "seconds": round(audio.duration, 3), "scores": rows}
    sides: list[dict[str, Any]] = [{}, {}]
    for name in OVERLAID.keys() & heard.keys():
        stream = configured(name, registry, streams)
        features, present = drawn[name]
        told = {**features, "present": present.astype(np.float32)}
        for side, found in zip(sides, (told, heard[name]), strict=True):
            with registry.blame(name, "tell what was heard"):
                fields = stream.fields(found, plan.grid)
            side.update({key: fields[key] for key in OVERLAID[name] if key in fields})
    return Evaluation(adherence, *sides)


def evaluate_file(
    path: Path, plan: Plan, registry: Registry, report: Report, dropped: Mapping[str, float] | None
) -> Evaluation:
    """Return how well a sound file, ours or another's, does what a plan says.

    Raises:
        AudioError: the file cannot be read.
    """
    return evaluate(read_audio(path), plan, registry, report, dropped)


def plan_to_judge(path: Path, seed: int | None, registry: Registry, report: Report) -> Plan:
    """Return the plan that a manifest, or a ``.plan.json``, says a recording should follow.

    What a manifest without a seed does not say is decided with seed 0, which is told. A model that
    is not installed, or cannot be told all that it says, does not matter; that is told, too.

    Raises:
        ManifestError: it cannot be read, or one line per fault.
    """
    if path.name.lower().endswith(".plan.json"):
        plan = read_plan(path)
        check_told(plan, str(path), registry)
        return plan
    options: dict[str, Any] = {} if seed is None else {"--seed": seed}  # Any: an option's value
    plan = _planned(path, options, registry, report)
    if plan.origins["seed"] == "decided":
        plan = _planned(path, {"--seed": FIXED_SEED}, registry, SilentReport())
        places = (plan.streams, *(part.streams for part in plan.sections))
        names = sorted({name for place in places for name in place})
        decided = [name for name in names if plan.origin_of(name) == "decided"]
        report.note(
            f"{path}: says no seed, so what it does not ask for is decided with seed "
            f"{FIXED_SEED}: {', '.join(decided)}; --seed or --plan measures against another song"
        )
    return plan


def is_plan(path: Path) -> bool:
    """Whether a file is a plan by its name."""
    return path.name.lower().endswith(".plan.json")


def plan_as_written(path: Path, registry: Registry) -> Plan:
    """Return the plan beside a render; what it was made with need not be installed.

    Raises:
        ManifestError: it cannot be read, or names a stream that is not installed.
    """
    plan = read_plan(path)
    check_told(plan, str(path), registry)
    return plan


def _planned(path: Path, options: dict[str, Any], registry: Registry, report: Report) -> Plan:
    """Return the plan that the manifest's model would follow, or else that of none.

    What is not installed here, or cannot be told what the song says, may still be measured.
    """
    from muze.pipelines.model_info import find_model

    try:
        return plan_file(path, registry, options, find_model, writes=False)
    except MuzeError as fault:
        plan = plan_file(path, registry, options, writes=False)  # or this tells what is wrong
        report.note(f"planned for no model, since {str(fault).splitlines()[0]}")
        return plan


def dropped_figures(model: str, folder: Path, registry: Registry) -> dict[str, float]:
    """Return what a model's renders get with every control dropped; read without its weights.

    Raises:
        MuzeError: there is no such model.
    """
    header = read_header(model_folder(model, registry, folder))
    return dict(header.get("evaluation", {}).get("dropped") or {})
