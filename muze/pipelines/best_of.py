"""Several renders of a song, of which the one that does best what was asked is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from muze.audio.io import write_together
from muze.core.registry import Registry
from muze.pipelines.generate import Rendered, make
from muze.pipelines.plan import Plan
from muze.pipelines.rerank import rank
from muze.report import Report


@dataclass(frozen=True)
class Best:
    """The render that was kept, and the seed and rank of each that was tried, in order."""

    rendered: Rendered
    plan: Plan
    tried: tuple[tuple[int, float], ...]


def generate_best(
    plans: Sequence[Plan], registry: Registry, report: Report, device: str = "auto"
) -> Best:
    """Make the song of every plan; write the one of the highest rank, the first of several.

    The plans are of the same song by other seeds, and write the same files.

    Raises:
        MuzeError: whatever ``muze.pipelines.generate.generate`` tells.
    """
    best: tuple[Plan, Rendered, Mapping[Path, bytes | memoryview]] | None = None
    tried: list[tuple[int, float]] = []
    for number, plan in enumerate(plans, 1):
        rendered, files = make(plan, registry, report, device)
        scores = rendered.adherence["scores"]
        score = rank(scores)
        report.note(f"{number} of {len(plans)}: seed {plan.seed} has rank {score:.3f}")
        if best is None or score > max(found for _, found in tried):
            best = plan, rendered, files
        tried.append((plan.seed, score))
    assert best is not None
    write_together(best[2])
    return Best(best[1], best[0], tuple(tried))
