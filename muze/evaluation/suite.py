"""Suites: folders of manifests that models are judged by, and their plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import muze
from muze.core.errors import ManifestError, MuzeError, did_you_mean
from muze.core.registry import Registry
from muze.pipelines.plan import Plan, plan_file

SUITES = Path(muze.__file__).parent / "suites"
SHORTEST = 5.0
"""Seconds to which songs may be cut; a tempo needs some beats."""
LEAST = 0.5
"""Seconds of a section that are worth keeping at the end of a cut song."""


def suite_names() -> list[str]:
    """Return the names of the suites that come with muze."""
    return sorted(path.name for path in SUITES.iterdir() if path.is_dir())


def suite_paths(suite: str, num_songs: int | None = None) -> list[Path]:
    """Return the first manifests of a suite, by its name, or of a folder of manifests.

    They are ordered by what follows the first hyphen of their names, so that a few of
    ``held-00-rock``, ``new-00-rock``, ``held-01-pop``, ... hold as many of one kind as of the
    other.

    Raises:
        MuzeError: there is no such suite or folder, it holds no manifests, or fewer than asked.
    """
    folder = SUITES / suite if suite in suite_names() else Path(suite)
    if not folder.is_dir():
        known = suite_names()
        raise MuzeError(
            f"{suite}: is neither a suite ({', '.join(known)}) nor a folder of manifests"
            f"{did_you_mean(suite, known)}"
        )
    paths = sorted(folder.glob("*.yaml"), key=lambda p: (p.stem.partition("-")[2], p.stem))
    if not paths:
        raise MuzeError(f"{folder}: holds no manifests (*.yaml)")
    if num_songs is not None and num_songs > len(paths):
        raise MuzeError(f"{suite}: holds {len(paths)} manifests, fewer than {num_songs}")
    return paths[:num_songs]


def plan_suite(
    paths: Sequence[Path],
    registry: Registry,
    options: Mapping[str, Any],  # Any: an option's value
    seconds: float | None = None,
) -> list[Plan]:
    """Return the plans of manifests, cut to ``seconds`` where that is given.

    Raises:
        ManifestError: all faults of all of them, a line each.
        MuzeError: they are cut too short.
    """
    from muze.pipelines.model_info import find_model

    if seconds is not None and seconds < SHORTEST:
        raise MuzeError(f"--seconds {seconds:g}: too short to hear a tempo; {SHORTEST:g} at least")
    plans, faults = [], []
    for path in paths:
        try:
            plan = plan_file(path, registry, options, find_model, writes=False)
        except ManifestError as fault:
            faults.append(str(fault))
            continue
        plans.append(plan if seconds is None else cut(plan, seconds))
    if faults:
        raise ManifestError("\n".join(faults))
    return plans


def cut(plan: Plan, seconds: float) -> Plan:
    """Return a plan of the first ``seconds`` of a song; what lasts no longer stays as it is.

    Raises:
        MuzeError: the song is sung; its words cannot be cut.
    """
    if plan.duration <= seconds:
        return plan
    if plan.voice is not None:
        raise MuzeError(f"{plan.song.title or plan.prompt}: is sung, and cannot be cut shorter")
    kept = [part for part in plan.sections if part.start < seconds - LEAST]
    last = kept[-1]
    bars = [float(t) for t in plan.grid.bar_times if last.start - 1e-6 <= t < seconds - 1e-6]
    num = min(len(bars), last.bars)
    kept[-1] = last.model_copy(update={"end": seconds, "bars": num, "chords": last.chords[:num]})
    num_bars = sum(part.bars for part in kept)
    beats = num_bars * plan.grid.metre.beats_per_bar
    shorter = {
        "duration": seconds,
        "num_bars": num_bars,
        "sections": tuple(kept),
        "tempo": tuple(mark for mark in plan.tempo if mark.beat < beats),
    }
    told = {name: getattr(plan, name) for name in type(plan).model_fields}
    return Plan.model_validate({**told, **shorter})
