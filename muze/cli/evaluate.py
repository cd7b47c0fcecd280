"""``muze evaluate``: how well a recording does what a manifest or a plan says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.pipelines.plan import Plan
    from muze.report import Report

FIXED_SEED = 0
"""Decides what a song without a seed does not say, so that the same figures come back."""


def evaluate(
    audio: Annotated[Path, typer.Argument(help="The recording to listen to.")],
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="The song it should be.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Or the .plan.json it was made from.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Decides what the manifest does not say.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Measure AUDIO against a manifest or a plan, stream by stream.

    A render is measured against its own plan; of a manifest without a seed, what muze decides
    itself is decided with seed 0.
    """
    if (manifest is None) == (plan is None):
        raise typer.BadParameter("give one of --manifest and --plan")
    if plan is not None and seed is not None:
        raise typer.BadParameter("a plan is fixed; it cannot be changed by --seed")
    from muze.core.registry import Registry
    from muze.pipelines.measure import measure_file
    from muze.report import open_report

    registry = Registry()
    with open_report(quiet) as report:
        if plan is not None:
            wanted = _read(plan, registry)
        else:
            assert manifest is not None
            wanted = _plan(manifest, seed, registry, report)
        adherence = measure_file(audio, wanted, registry, report)
    if json:
        import json as json_format

        print(json_format.dumps(adherence, indent=2))
    else:
        from muze.cli.tables import show_adherence

        show_adherence(adherence, to_stderr=False)


def _read(path: Path, registry: Registry) -> Plan:
    from muze.pipelines.plan import read_plan
    from muze.pipelines.replay import check_told

    plan = read_plan(path)
    check_told(plan, str(path), registry)
    return plan


def _plan(manifest: Path, seed: int | None, registry: Registry, report: Report) -> Plan:
    from muze.pipelines.model_info import find_model
    from muze.pipelines.plan import plan_file

    options: dict[str, Any] = {} if seed is None else {"--seed": seed}  # Any: an option's value
    plan = plan_file(manifest, registry, options, find_model, writes=False)
    if plan.origins["seed"] == "decided":
        options = {"--seed": FIXED_SEED}
        plan = plan_file(manifest, registry, options, find_model, writes=False)
        places = (plan.streams, *(part.streams for part in plan.sections))
        names = sorted({name for place in places for name in place})
        decided = [name for name in names if plan.origin_of(name) == "decided"]
        report.note(
            f"{manifest}: says no seed, so what it does not ask for is decided with seed "
            f"{FIXED_SEED}: {', '.join(decided)}; --seed or --plan measures against another song"
        )
    return plan
