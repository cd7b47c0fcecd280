"""The plan that a recording is judged by: one as written, or what a manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.pipelines.plan import Plan, plan_file, read_plan
from muze.pipelines.replay import check_told
from muze.report import Report, SilentReport

FIXED_SEED = 0
"""Decides what a song without a seed does not say, so that the same figures come back."""


def plan_to_judge(path: Path, seed: int | None, registry: Registry, report: Report) -> Plan:
    """Return the plan that a manifest, or a ``.plan.json``, says a recording should follow.

    What a manifest without a seed does not say is decided with seed 0, which is told. A model that
    is not installed, or cannot be told all that it says, does not matter; that is told, too.

    Raises:
        ManifestError: it cannot be read, or one line per fault.
    """
    if is_plan(path):
        return plan_as_written(path, registry)
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
