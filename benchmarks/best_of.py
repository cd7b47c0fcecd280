"""What the best of several renders gains over one, on the first songs of the held-out suite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.control import SHOWN
from benchmarks.harness import AsJson, Docs, Findings, Interval, Work, cell, markdown, means
from muze.core.registry import Registry
from muze.evaluation.intervals import differences
from muze.evaluation.rendering import make_ready
from muze.evaluation.suite import plan_suite, suite_paths
from muze.evaluation.suite_run import TOLD, Bench, evaluate_suite, values
from muze.pipelines.model_info import model_folder
from muze.pipelines.rerank import rank
from muze.report import open_report

RANK = "rank"


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    suite: Annotated[str, typer.Option(help="A suite, or a folder.")] = "held-out",
    num_songs: Annotated[int, typer.Option(min=1, help="How many songs are rendered.")] = 32,
    best_of: Annotated[int, typer.Option(min=2, help="How many renders of each.")] = 4,
    seconds: Annotated[float | None, typer.Option(help="Only so much of each.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 50,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")] = "auto",
    work: Work = Path("runs/benchmarks/control"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Render songs by several seeds, and keep the best of each."""
    registry = Registry()
    folder = str(model_folder(model, registry, Path.cwd()))
    options: dict[str, Any] = {"--model": folder, "--num-steps": steps}
    paths = suite_paths(suite, num_songs)
    plans = plan_suite(paths, registry, options, seconds)
    ready = make_ready(folder, plans[0], registry, device)
    about = {
        "suite": suite, "model": model, "sampler": plans[0].sampler.name,
        "steps": plans[0].num_steps, "guidance": plans[0].guidance, "seconds": seconds,
    }  # fmt: skip
    with open_report() as report:
        found = evaluate_suite(paths, plans, Bench(ready, work, best_of), about, report)
    one, best = (
        [{RANK: rank(song[kind]["scores"]), **figures}
         for song, figures in zip(found["songs"], values(found["songs"], kind), strict=True)]
        for kind in (TOLD, "best")
    )  # fmt: skip
    columns: dict[str, dict[str, Interval]] = {
        "one render": means(one), f"best of {best_of}": means(best), "gain": differences(best, one),
    }  # fmt: skip
    settings = {key: about[key] for key in ("model", "sampler", "steps", "guidance")}
    settings |= {"manifests": len(paths)} | ({"seconds": seconds} if seconds else {})
    findings = Findings("best-of", settings, found["work_seconds"], data={"columns": columns})
    title = f"{len(paths)} manifests, best of {best_of}; mean and 95 % interval"
    findings.tables[title] = markdown(
        ["figure", *columns],
        [
            [name.partition(".")[2] or name, *(cell(each, name) for each in columns.values())]
            for name in (RANK, *SHOWN)
        ],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
