"""What ``muze evaluate`` does with recordings: measures one, or sets two side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.pipelines.plan import Plan
    from muze.report import Report


def judged_by(
    manifest: Path | None, plan: Path | None, seed: int | None, registry: Registry, report: Report
) -> Plan:
    """Return the plan that recordings are measured against, of one of the two files.

    Raises:
        MuzeError: it cannot be read, or is wrong.
    """
    from muze.evaluation.judged_plan import is_plan, plan_as_written, plan_to_judge

    if plan is not None:
        return plan_as_written(plan, registry)
    assert manifest is not None
    if seed is not None and is_plan(manifest):
        raise typer.BadParameter("a plan is fixed; it cannot be changed by --seed")
    return plan_to_judge(manifest, seed, registry, report)


def compare_or_show(
    paths: Sequence[Path],
    plan: Plan,
    registry: Registry,
    report: Report,
    *,
    model: str | None,
    vocal: Path | None,
    copy_synthesis: bool,
    html: Path | None,
) -> Callable[[bool], None]:
    """Measure one recording or two against a plan; return what prints it, as JSON or as a table.

    Raises:
        MuzeError: a file or the model is missing or wrong.
    """
    from muze.evaluation.recording import dropped_figures, evaluate_file

    if copy_synthesis:  # faults of the model come before minutes of listening
        from muze.audio.io import read_audio
        from muze.evaluation.copy_synthesis import copy_rows

        copies = [copy_rows(read_audio(path), model or "starter", registry) for path in paths]
    dropped = None if model is None else dropped_figures(model, Path.cwd(), registry)
    found = [evaluate_file(path, plan, registry, report, dropped, vocal) for path in paths]
    if copy_synthesis:
        found = [
            replace(one, adherence={**one.adherence, "vocoder": rows})
            for one, rows in zip(found, copies, strict=True)
        ]
    if html is not None:
        from muze.evaluation.page import write_recordings

        write_recordings(html, paths, found, plan)
        report.note(f"{html}: written")
    rows: list[dict[str, Any]] = []
    if len(found) == 2:
        from muze.evaluation.compare import compare_recordings, heard_otherwise

        both = found[0].adherence, found[1].adherence
        rows = compare_recordings(*both)
        for key, heard_by in heard_otherwise(*both).items():
            report.note(f"{key} is not compared: heard by {heard_by[0]}, and by {heard_by[1]}")

    def show(as_json: bool) -> None:
        from muze.cli.evaluation_tables import show_comparison, show_recording

        if as_json:
            import json

            told: Any = found[0].adherence
            if len(found) == 2:
                told = {"muze_comparison": 1, "a": str(paths[0]), "b": str(paths[1]), "rows": rows}
            print(json.dumps(told, indent=2))
        elif len(found) == 2:
            show_comparison(rows, str(paths[0]), str(paths[1]))
        else:
            show_recording(found[0].adherence)

    return show
