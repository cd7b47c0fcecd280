"""A figure of a voice, as ``adherence.json`` has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class VoiceScore:
    """A figure of the voice; None, with the reason, where it could not be had."""

    name: str
    value: float | None
    unit: str
    higher_is_better: bool
    heard_by: str
    floor: float | None = None
    reason: str | None = None


def rows(scores: Sequence[VoiceScore]) -> list[dict[str, object]]:
    """Return figures as JSON."""
    return [dict(vars(score)) for score in scores]
