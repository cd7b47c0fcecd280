"""How well a model does what the held-out suite asks, and where what is lost is lost.

The suite is rendered and measured as ``muze evaluate --suite`` does. Excerpts of held-out songs of
muze-corpus, whose truth is known, tell what the extractors can hear at best, what they hear after
the vocoder, and after autoencoder and vocoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.ceilings import HEARD, SECONDS
from benchmarks.excerpts import Excerpt, held_out_excerpts, truth_rows
from benchmarks.harness import (
    AsJson,
    Docs,
    Findings,
    Interval,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    mean_cell,
    means,
)
from muze.audio.mel import log_mel_array
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.evaluation.intervals import differences
from muze.evaluation.model_evaluation import write_evaluation as keep_evaluation
from muze.evaluation.rendering import Ready, make_ready
from muze.evaluation.suite import plan_suite, suite_paths
from muze.evaluation.suite_run import DROPPED, TOLD, Bench, evaluate_suite, values
from muze.pipelines.model_info import model_folder
from muze.report import open_report

SHOWN = (
    "tempo.tempo Acc1", "tempo.tempo Acc2", "beat.beat F", "beat.downbeat F", "beat.metre BM",
    "key.key weighted", "chord.chord majmin", "chord.chord triads", "section.section F 0.5 s",
    "section.section F 3 s", "energy.energy r", "loudness.loudness error",
)  # fmt: skip
STAGES = ("truth", "truth, vocoder", "truth, autoencoder, vocoder")
GROUPS = {"held": "held-out progressions", "new": "new chords"}


def scored(stage: str, excerpt: Excerpt, ready: Ready) -> list[dict[str, Any]]:
    """Return the rows of an excerpt's own truth, heard after a stage."""
    model, audio = ready.model, excerpt.audio
    if stage != STAGES[0]:
        settings = model.autoencoder.settings.mel
        log_mel = log_mel_array(audio.mono, settings)
        if "autoencoder" in stage:
            with torch.inference_mode():
                mean, _ = model.autoencoder.encode(torch.from_numpy(log_mel)[None].to(model.device))
                log_mel = model.autoencoder.decode(mean)[0].cpu().numpy()
        audio = Audio(ready.vocoder.render(log_mel)[None], settings.sample_rate)
    return truth_rows(audio, excerpt, HEARD, ready.registry)


def hear_truth(
    excerpts: Sequence[Excerpt], ready: Ready, kept: Kept
) -> dict[str, list[list[dict[str, Any]]]]:
    """Return the rows of every excerpt after every stage."""
    found: dict[str, list[list[dict[str, Any]]]] = {stage: [] for stage in STAGES}
    with open_report() as report:
        advance = report.task("measuring true audio", len(STAGES) * len(excerpts))
        for excerpt in excerpts:
            for stage, items in found.items():
                about = {"excerpt": excerpt.name, "stage": stage, "seconds": SECONDS}
                about |= {"streams": HEARD}
                about |= {} if stage == STAGES[0] else {"networks": ready.networks}
                items.append(kept.get(about, partial(scored, stage, excerpt, ready)))
                advance()
    return found


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    suite: Annotated[str, typer.Option(help="A suite, or a folder.")] = "held-out",
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    limit: Annotated[int | None, typer.Option(help="Only so many manifests.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 50,
    sampler: Annotated[str, typer.Option(help="An installed sampler.")] = "ddim",
    cfg_scale: Annotated[float | None, typer.Option(help="Guidance; else the model's.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")] = "auto",
    write_evaluation: Annotated[
        bool, typer.Option("--write-evaluation", help="Write the means into the model's header.")
    ] = False,
    work: Work = Path("runs/benchmarks/control"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Render and measure the held-out suite."""
    registry, kept = Registry(), Kept(work / "kept")
    folder = model_folder(model, registry, Path.cwd())
    options: dict[str, Any] = {"--model": str(folder), "--num-steps": steps, "--sampler": sampler}
    options |= {} if cfg_scale is None else {"--cfg-scale": cfg_scale}
    paths = suite_paths(suite, limit)
    plans = plan_suite(paths, registry, options)
    ready = make_ready(str(folder), plans[0], registry, device)
    with open_report() as report:
        about = {
            "suite": suite, "model": model, "sampler": plans[0].sampler.name,
            "steps": plans[0].num_steps, "guidance": plans[0].guidance,
        }  # fmt: skip
        found = evaluate_suite(paths, plans, Bench(ready, work), about, report)
    stages = hear_truth(held_out_excerpts(songs, num_songs, SECONDS), ready, kept)
    told_songs, untold = values(found["songs"], TOLD), values(found["songs"], DROPPED)
    chance = means(values(found["songs"], TOLD, "floor"))
    columns: dict[str, dict[str, Interval]] = {
        "told": means(told_songs),
        "words alone": means(untold),
        "gain": differences(told_songs, untold),
    }
    for stage, items in stages.items():
        as_songs = [{TOLD: {"scores": rows}} for rows in items]
        columns[stage] = means(values(as_songs, TOLD))
    groups = {
        kind: means(
            [v for path, v in zip(paths, told_songs, strict=True) if path.stem.startswith(start)]
        )
        for start, kind in GROUPS.items()
    }
    settings = {
        "model": model, "sampler": plans[0].sampler.name, "steps": plans[0].num_steps,
        "guidance": plans[0].guidance, "manifests": len(paths), "excerpts": num_songs,
    }  # fmt: skip
    if write_evaluation:
        keep_evaluation(folder, found)
    findings = Findings("control", settings, kept.seconds + found["work_seconds"])
    findings.data = {"columns": columns, "groups": groups, "chance": chance}
    by_figure = {name: name.partition(".")[2] for name in SHOWN}
    findings.tables[f"{len(paths)} manifests of {SECONDS:g} s; mean and 95 % interval"] = markdown(
        ["figure", *columns, "chance"],
        [
            [text, *(cell(found, name) for found in columns.values()), mean_cell(chance, name)]
            for name, text in by_figure.items()
        ],
    )
    findings.tables["Told everything, by kind of manifest"] = markdown(
        ["figure", *groups],
        [[text, *(cell(f, name) for f in groups.values())] for name, text in by_figure.items()],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
