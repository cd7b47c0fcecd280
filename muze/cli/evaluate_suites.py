"""What ``muze evaluate`` does with suites: runs them, and sets two runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.report import Report

OUTPUT = Path("evaluations")
Show = Callable[[bool], None]
"""Prints what was found, as JSON or as a table."""


def run_suites(
    suite: str,
    models: Sequence[str],
    registry: Registry,
    report: Report,
    *,
    options: Mapping[str, Any],  # Any: an option's value
    num_songs: int | None,
    seconds: float | None,
    best_of: int,
    device: str,
    output: Path | None,
    html: Path | None,
    reference: Path | None,
    write: bool,
) -> Show:
    """Evaluate one model or two on a suite; return what prints it.

    Raises:
        MuzeError: the suite, a model or what is asked of it is wrong.
    """
    from muze.evaluation.frechet import Reference
    from muze.evaluation.model_evaluation import check_writable, write_evaluation
    from muze.evaluation.rendering import make_ready
    from muze.evaluation.suite import plan_suite, suite_paths
    from muze.evaluation.suite_run import Bench, evaluate_suite
    from muze.pipelines.model_info import model_folder

    if len(set(models)) < len(models):
        raise typer.BadParameter(f"{models[0]} is given twice; give two models")
    names = [Path(name).name for name in models]
    if len(set(names)) < len(names):
        raise typer.BadParameter(
            f"both models are called {names[0]}; evaluate one after the other, each "
            "with an --output of its own, and compare the folders"
        )
    paths = suite_paths(suite, num_songs)
    planned = {  # the faults of the second model come before hours with the first
        name: plan_suite(paths, registry, {**options, "--model": _place(name)}, seconds)
        for name in models
    }
    if write:
        for name in models:
            check_writable(model_folder(name, registry, Path.cwd()))
    # what is missing of the reference is told before anything is rendered
    beside = None if reference is None else Reference.heard(reference, report)
    found, folders = [], []
    for name, plans in planned.items():
        folder = (output or OUTPUT / Path(suite).name) / ("" if _alone(models, output)
                                                          else Path(name).name)  # fmt: skip
        plan = plans[0]
        about = {
            "suite": suite, "model": name, "sampler": plan.sampler.name, "steps": plan.num_steps,
            "guidance": plan.guidance, "seconds": seconds,
        }  # fmt: skip
        bench = Bench(make_ready(name, plan, registry, device), folder, best_of, beside)
        found.append(evaluate_suite(paths, plans, bench, about, report))
        folders.append(folder)
        report.note(f"{folder}: renders and figures")
        if write:
            written = model_folder(name, registry, Path.cwd())
            write_evaluation(written, found[-1])
            report.note(f"{written / 'muze.json'}: evaluation written")
    if len(found) == 2:
        return _comparison(found, folders, html)
    if html is not None:
        from muze.evaluation.page import write_suite

        write_suite(html, found[0], folders[0])
        report.note(f"{html}: written")

    def show(as_json: bool) -> None:
        if as_json:
            _print_json({key: value for key, value in found[0].items() if key != "songs"})
        else:
            from muze.cli.evaluation_tables import show_suite

            show_suite(found[0])

    return show


def compare_folders(folders: Sequence[Path], html: Path | None) -> Show:
    """Set the evaluations of two folders side by side; return what prints it.

    Raises:
        MuzeError: one holds none, or they cannot be compared.
    """
    from muze.evaluation.suite_run import read_evaluation

    return _comparison([read_evaluation(folder) for folder in folders], folders, html)


def _comparison(
    found: Sequence[Mapping[str, Any]], folders: Sequence[Path], html: Path | None
) -> Show:
    from muze.evaluation.compare import compare_suites

    rows = compare_suites(*found)
    names = [f"{one['model']} ({folder})" for one, folder in zip(found, folders, strict=True)]
    if html is not None:
        from muze.evaluation.page import write_comparison

        write_comparison(html, rows, found, folders)

    def show(as_json: bool) -> None:
        if as_json:
            _print_json({"muze_comparison": 1, "a": names[0], "b": names[1], "rows": rows})
        else:
            from muze.cli.evaluation_tables import show_comparison

            show_comparison(rows, *names)

    return show


def _place(model: str) -> str:
    """Return a model's folder as an absolute path; a manifest's own place does not matter."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def _alone(models: Sequence[str], output: Path | None) -> bool:
    """Whether a folder that was asked for is for one model's renders alone."""
    return output is not None and len(models) == 1


def _print_json(found: Any) -> None:  # Any: JSON
    import json

    print(json.dumps(found, indent=2))
