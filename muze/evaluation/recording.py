"""One recording against what it should be: every figure beside floor, dropped and ceiling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import read_audio, resample
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.evaluation.ceilings import ceiling_of
from muze.evaluation.stems import Stems, find_stems, separate
from muze.model.header import read_header
from muze.pipelines.draw import LISTENING_RATE, configured, draw
from muze.pipelines.measure import MUSIC_ALONE, Adherence, listen, score
from muze.pipelines.model_info import model_folder
from muze.pipelines.plan import Plan
from muze.report import Report, SilentReport

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
    stems: Stems | None = None,
    sings: bool = True,
) -> Evaluation:
    """Return how well any sound does what a plan says; no network that makes music is loaded.

    Rows are those of ``muze.pipelines.measure.measure``, with ``ceiling``: what the same extractor
    hears in songs whose truth is known. Of a plan that is sung, ``voice`` has the singer's figures,
    heard in the ``stems``; without them, in what a separator takes out of the sound. With ``sings``
    false they are left out.
    """
    registry, report = registry or Registry(), report or SilentReport()
    audio = resample(audio, LISTENING_RATE)
    drawn = draw(plan, registry, report, streams)
    stems = None if plan.voice is None else stems or separate(audio, registry)
    if stems is not None:
        stems = stems.resampled(LISTENING_RATE)
    names, beneath = _told_of_all(drawn, stems, report)
    heard = listen(audio, plan, names, registry, report, streams)
    if stems is not None and stems.music is not None:
        heard |= listen(stems.music, plan, beneath, registry, report, streams)
    rows = score(heard, plan, drawn, registry, report, dropped, streams)
    for row in rows:
        row["ceiling"] = ceiling_of(row)
    adherence = {"muze_adherence": 1, "seconds": round(audio.duration, 3), "scores": rows}
    if stems is not None and sings:
        from muze.evaluation.singer import hear_singer  # loads what sings

        adherence["voice"] = hear_singer(stems, audio, plan, registry, report)
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


def _told_of_all(
    drawn: Collection[str], stems: Stems | None, report: Report
) -> tuple[list[str], list[str]]:
    """Return the streams told of the whole song, and those told of the music under a singer."""
    beneath = [name for name in MUSIC_ALONE if name in drawn] if stems is not None else []
    if beneath and stems is not None and stems.music is None:
        report.note(f"{', '.join(beneath)}: is told of the music alone, of which there is no stem")
    return [name for name in drawn if name not in beneath], beneath


def evaluate_file(
    path: Path,
    plan: Plan,
    registry: Registry,
    report: Report,
    dropped: Mapping[str, float] | None,
    vocal: Path | None = None,
) -> Evaluation:
    """Return how well a sound file, ours or another's, does what a plan says.

    A singer is heard in ``vocal``, else in the stem beside the file, else in the file.

    Raises:
        AudioError: a file cannot be read, or ``vocal`` is no stem of the song.
        MuzeError: nobody sings in the plan, and a ``vocal`` is given.
    """
    audio, stems = resample(read_audio(path), LISTENING_RATE), None
    if plan.voice is not None:
        stems = find_stems(path, audio, vocal, registry, report)
    elif vocal is not None:
        raise MuzeError(f"{vocal}: nobody sings in this plan, which has no voice")
    return evaluate(audio, plan, registry, report, dropped, stems=stems)


def dropped_figures(model: str, folder: Path, registry: Registry) -> dict[str, float]:
    """Return what a model's renders get with every control dropped; read without its weights.

    Raises:
        MuzeError: there is no such model.
    """
    header = read_header(model_folder(model, registry, folder))
    return dict(header.get("evaluation", {}).get("dropped") or {})
