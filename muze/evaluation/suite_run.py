"""The evaluation of a model on a suite: rendered, heard, and put beside floor and ceiling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from muze.audio.io import read_audio, write_whole
from muze.core.errors import MuzeError
from muze.evaluation.ceilings import ceiling_of
from muze.evaluation.copy_synthesis import copy_folder
from muze.evaluation.frechet import Reference, distances
from muze.evaluation.intervals import Interval, differences, means
from muze.evaluation.kept import Kept
from muze.evaluation.recording import evaluate
from muze.evaluation.rendering import Ready, decided, keep_render, kept_stems, render_plan
from muze.evaluation.rows import all_rows, key_of, missing
from muze.pipelines.plan import Plan
from muze.pipelines.rerank import other_seeds, rank
from muze.report import Report, SilentReport

FILE = "evaluation.json"
TOLD, DROPPED = "told", "dropped"
Row = dict[str, Any]
"""Of an adherence, as JSON."""
Song = dict[str, Any]
"""One song of an evaluation: its name, prompt, and by ``told`` and ``dropped`` sound and rows."""


@dataclass(frozen=True)
class Bench:
    """Where renders are kept, and with what they are made."""

    ready: Ready
    output: Path
    best_of: int = 1
    reference: Reference | None = None
    """Music: how far renders sound from it, and what the vocoder makes of it."""
    copies: bool = True
    """Whether what the vocoder makes of the reference is told."""

    @cached_property
    def kept(self) -> Kept:
        """Figures kept by what they depend on, and the seconds they and the renders took."""
        return Kept(self.output / "kept")


def evaluate_suite(
    paths: Sequence[Path],
    plans: Sequence[Plan],
    bench: Bench,
    about: Mapping[str, Any],
    report: Report,
) -> dict[str, Any]:
    """Return the evaluation of a model on the plans of manifests; write it to the output's folder.

    Each plan is rendered told in full and, from the same noise, told its words alone; with
    ``best_of`` also from other noise, of which the best is a column of its own. Sounds and figures
    that are kept are not made again. ``about`` names suite and model.

    Raises:
        MuzeError: two manifests have the same name, or the model cannot be told what one says.
    """
    names = [path.stem for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise MuzeError(f"manifests of the same name cannot be told apart: {', '.join(twice)}")
    advance = report.task("rendering and measuring", len(plans) * (1 + bench.best_of))
    songs = []
    for name, plan in zip(names, plans, strict=True):
        song: Song = {"name": name, "prompt": plan.prompt, "seconds": plan.duration}
        for kind in (TOLD, DROPPED):
            song[kind] = _heard(bench, f"{name}-{kind}", plan, kind == DROPPED)
            advance()
        tries = [song[TOLD]]
        for number, seed in enumerate(other_seeds(plan.seed, bench.best_of - 1), 2):
            other = plan.model_copy(update={"seed": seed})
            tries.append(_heard(bench, f"{name}-try-{number}", other, False))
            advance()
        if bench.best_of > 1:
            song["best"] = max(tries, key=lambda found: rank(found["scores"]))
        songs.append(song)
    result = {
        "muze_evaluation": 1,
        **about,
        "networks": bench.ready.networks,
        "best_of": bench.best_of,
        "work_seconds": round(bench.kept.seconds, 1),
        "songs": songs,
        "figures": summary(songs),
        "missing": missing([song[TOLD]["voice"] for song in songs]),
    }
    if bench.reference is not None:
        sets = {kind: [bench.output / song[kind]["audio"] for song in songs]
                for kind in (TOLD, DROPPED)}  # fmt: skip
        result["sound"] = distances(sets, bench.reference, report)
    if bench.reference is not None and bench.copies:
        weights = bench.ready.networks.get("vocoder")
        result["copy_synthesis"] = copy_folder(
            bench.reference.folder, bench.ready.vocoder, weights, bench.kept, report
        )
    write_whole(bench.output / FILE, (json.dumps(result, indent=1) + "\n").encode())
    return result


def _heard(bench: Bench, name: str, plan: Plan, dropped: bool) -> dict[str, Any]:
    """Return where a render's sound lies below the output, and its rows and overlays."""
    sound = bench.output / "renders" / f"{name}.flac"
    made_of = {"plan": decided(plan), "dropped": dropped, "networks": bench.ready.networks}
    mark, seconds = keep_render(sound, made_of, lambda: render_plan(bench.ready, plan, dropped))
    bench.kept.seconds += seconds

    def measured() -> dict[str, Any]:
        found = evaluate(
            read_audio(sound), plan, bench.ready.registry, SilentReport(),
            streams=bench.ready.model.streams, stems=kept_stems(sound, plan),
            sings=not dropped,
        )  # fmt: skip
        return {
            "scores": found.adherence["scores"], "voice": found.adherence.get("voice", []),
            "asked": found.asked, "heard": found.heard,
        }  # fmt: skip

    found: dict[str, Any] = bench.kept.get({"render": mark}, measured)
    return {"audio": str(sound.relative_to(bench.output)), "seed": plan.seed, **found}


def values(songs: Sequence[Song], kind: str, field: str = "value") -> list[dict[str, float]]:
    """Return each song's figures of a kind of render, or another field of their rows."""
    return [
        {key_of(row): row[field] for row in all_rows(song[kind]) if row[field] is not None}
        for song in songs
    ]


def summary(songs: Sequence[Song]) -> list[Row]:
    """Return a row for each figure: means with intervals over the songs, floor and ceiling."""
    told, untold = values(songs, TOLD), values(songs, DROPPED)
    columns = {TOLD: means(told), DROPPED: means(untold), "gain": differences(told, untold)}
    if all("best" in song for song in songs):
        best = values(songs, "best")
        columns |= {"best": means(best), "gain of best": differences(best, told)}
    floors = means(values(songs, TOLD, "floor"))
    told_rows = {key_of(row): row for song in songs for row in all_rows(song[TOLD])}
    rows = []
    for key, row in told_rows.items():
        same = ("stream", "name", "unit", "higher_is_better", "extractor")
        found: Row = {name: row[name] for name in same}
        found |= {name: _json(each.get(key)) for name, each in columns.items()}
        found["floor"] = floors[key].mean if key in floors else None
        found["ceiling"] = ceiling_of(row)
        rows.append(found)
    return rows


def _json(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else dict(vars(interval))


def read_evaluation(folder: Path) -> dict[str, Any]:
    """Return the evaluation that lies in a folder.

    Raises:
        MuzeError: there is none, or it is of another format.
    """
    path = folder / FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise MuzeError(
            f"{path}: is no evaluation ({fault}); muze evaluate --suite writes one"
        ) from None
    if not isinstance(found, dict) or found.get("muze_evaluation") != 1:
        raise MuzeError(f"{path}: is no evaluation that this muze reads")
    return found
