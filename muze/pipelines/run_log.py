"""What happened in a run so far: of each step its losses, its gradient and its time."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import torch

from muze.pipelines.machine import device_name, versions

RECENT = 100
"""Steps over which what is told live is a mean."""


@dataclass
class RunLog:
    """All that is told of a run; it is saved with the run's state.

    Times are the machine's own; everything else is the same in a resumed run and in one that was
    never stopped.
    """

    name: str = "training"
    identity: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    """What trackers know the run by."""
    weights: dict[str, int] = field(default_factory=dict)
    """How many there are in ``all``, and how many are ``trained``."""
    sessions: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    """Each time it was started or resumed: the step, when, and on what."""
    losses: list[dict[str, float]] = field(default_factory=list)
    """Of each step, means over its batch; what was not finite is left out."""
    norms: list[float | None] = field(default_factory=list)
    """Of each step, of the gradient before it was clipped; None where it was not finite."""
    step_seconds: list[float | None] = field(default_factory=list)
    """Of each step; None of an older muze's."""
    validated: list[dict[str, float]] = field(default_factory=list)
    """Losses of the averaged weights on tracks never trained on, and the ``step`` they are of."""
    seconds: float = 0.0
    """Spent in steps so far."""
    waited: float = 0.0
    """Of these, spent waiting for batches."""

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> RunLog:
        """Return what a state tells; an older muze's tells no gradients and no times."""
        unknown = [None] * int(about["step"])
        told = {"norms": unknown, "step_seconds": unknown, **about, "losses": about["losses"]}
        log = cls(**{one.name: told[one.name] for one in fields(cls) if one.name in told})
        for name in ("losses", "norms", "step_seconds", "validated", "sessions"):
            setattr(log, name, list(getattr(log, name)))
        log.seconds, log.waited = float(log.seconds), float(log.waited)
        return log

    def to_json(self) -> dict[str, Any]:
        """Return what a state says of it."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**told, "seconds": round(self.seconds, 3), "waited": round(self.waited, 3)}

    def begin(self, step: int, device: torch.device, processes: int) -> None:
        """Note that the run starts or goes on here."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        here = {"device": device_name(device), "threads": torch.get_num_threads()}
        session = {"step": step, "began": now, **here, "processes": processes, **versions()}
        self.sessions.append(session)

    def add(self, losses: dict[str, float], norm: float, seconds: float) -> None:
        """Add a step."""
        self.losses.append(losses)
        self.norms.append(float(f"{norm:.6g}") if math.isfinite(norm) else None)
        self.step_seconds.append(round(seconds, 4))
        self.seconds += seconds

    @property
    def loss(self) -> float | None:
        """The mean loss of the last steps; None where none was finite."""
        recent = [row["loss"] for row in self.losses[-RECENT:] if "loss" in row]
        return sum(recent) / len(recent) if recent else None

    @property
    def rate(self) -> float | None:
        """Steps a second, of the last ones; None before the first."""
        recent = [taken for taken in self.step_seconds[-RECENT:] if taken is not None]
        return len(recent) / total if (total := sum(recent)) else None

    @property
    def best(self) -> dict[str, float] | None:
        """The validation with the least loss; None before the first."""
        rows = [row for row in self.validated if "loss" in row]
        return min(rows, key=lambda row: row["loss"]) if rows else None

    def in_words(self) -> str:
        """Return the loss, the speed and the validation, as a bar shows them."""
        parts = [] if self.loss is None else [f"loss {self.loss:.4g}"]
        if self.rate is not None:
            parts.append(f"{self.rate:.3g} it/s")
        if self.best is not None:
            last = self.validated[-1].get("loss", math.nan)
            parts.append(f"validated {last:.4g}, best {self.best['loss']:.4g}")
        return ", ".join(parts)
