"""What guidance gives and costs: how well renders follow, and how far they sound from music.

The first songs of the held-out suite are rendered at several weights of guidance; the picture has
adherence and the Frechet distance to a folder of music over the weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Docs, Findings, Work, cell, markdown, means
from muze.audio.io import write_whole
from muze.core.registry import Registry
from muze.evaluation.frechet import Reference
from muze.evaluation.musicnn import embedding_name
from muze.evaluation.rendering import make_ready
from muze.evaluation.suite import plan_suite, suite_paths
from muze.evaluation.suite_run import TOLD, Bench, evaluate_suite, values
from muze.pipelines.model_info import model_folder
from muze.pipelines.rerank import rank
from muze.pipelines.timeline import as_png
from muze.report import open_report

WEIGHTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
SHOWN = ("tempo.tempo Acc1", "beat.beat F", "chord.chord majmin", "key.key weighted",
         "energy.energy r")  # fmt: skip


def draw(found: Mapping[float, Mapping[str, Any]], title: str) -> bytes:
    """Return a PNG: what is followed on the left axis, the distance on the right, over weights."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained", dpi=90)
    left = figure.subplots()
    weights = sorted(found)
    for name in SHOWN:
        shown = [w for w in weights if name in found[w]["means"]]
        line = [found[w]["means"][name].mean for w in shown]
        if shown:
            left.plot(shown, line, marker="o", label=name.partition(".")[2])
    left.set_xlabel("guidance")
    left.set_ylabel("how well it follows")
    left.set_ylim(0, 1.02)
    right = left.twinx()
    apart = [found[w]["distance"] for w in weights]
    right.plot(weights, apart, "k--", marker="s", label="Frechet distance (right)")
    right.set_ylim(0, 1.1 * max(apart))
    right.set_ylabel("Frechet distance, less is nearer")
    figure.legend(loc="outside lower center", ncols=len(SHOWN) + 1, fontsize=8)
    left.set_title(title, fontsize=9)
    return as_png(figure)


def main(
    reference: Annotated[Path, typer.Option(help="Folder of music beside which it sounds.")],
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    suite: Annotated[str, typer.Option(help="A suite, or a folder.")] = "held-out",
    num_songs: Annotated[int, typer.Option(min=1, help="How many songs are rendered.")] = 24,
    seconds: Annotated[float | None, typer.Option(help="Only so much of each.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 50,
    weights: Annotated[list[float] | None, typer.Option("--weight", help="Of guidance.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")] = "auto",
    picture: Annotated[Path, typer.Option(help="PNG to write.")] = Path("docs/guidance.png"),
    work: Work = Path("runs/benchmarks/guidance"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Render the suite at every weight, and draw what that gives and costs."""
    embedding = embedding_name()  # what is missing is told before hours of rendering
    with open_report() as report:
        beside = Reference.heard(reference, report)
    registry = Registry()
    folder = str(model_folder(model, registry, Path.cwd()))
    paths, taken = suite_paths(suite, num_songs), 0.0
    found: dict[float, dict[str, Any]] = {}
    chosen: Sequence[float] = weights or WEIGHTS
    for weight in chosen:
        options = {"--model": folder, "--num-steps": steps, "--cfg-scale": weight}
        plans = plan_suite(paths, registry, options, seconds)
        ready = make_ready(folder, plans[0], registry, device)
        bench = Bench(ready, work / f"{weight:g}", reference=beside, copies=False)
        with open_report() as report:
            result = evaluate_suite(paths, plans, bench, {"suite": suite, "model": model}, report)
        if "reason" in result["sound"]:
            raise typer.BadParameter(result["sound"]["reason"])
        ranks = [{"rank": rank(song[TOLD]["scores"])} for song in result["songs"]]
        found[weight] = {
            "means": {**means(values(result["songs"], TOLD)), **means(ranks)},
            "distance": result["sound"][TOLD]["distance"],
        }
        taken += result["work_seconds"]
    title = f"{model}, {len(paths)} songs; distance to {reference.name} by {embedding}"
    write_whole(picture, draw(found, title))
    settings = {"model": model, "songs": len(paths), "steps": steps, "embedding": embedding,
                "reference": reference.name}  # fmt: skip
    findings = Findings("guidance", settings, taken)
    findings.data = {"weights": found}
    names = ("rank", *SHOWN)
    findings.tables["By weight of guidance; mean and 95 % interval"] = markdown(
        ["guidance", "rank", *(name.partition(".")[2] for name in SHOWN), "Frechet distance"],
        [
            [f"{weight:g}", *(cell(one["means"], name) for name in names), f"{one['distance']:.3f}"]
            for weight, one in sorted(found.items())
        ],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
