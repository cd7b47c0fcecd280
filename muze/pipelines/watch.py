"""What a person sees of a training as it goes: a bar or lines, the run's page, and trackers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from muze.pipelines import run_report
from muze.pipelines.run_log import RunLog
from muze.pipelines.run_state import About
from muze.pipelines.trackers import EVERY, Trackers
from muze.pipelines.training import LoopSettings, rate_at
from muze.report import Advance, Report, left_words


@dataclass
class Watch:
    """Tells of a run in one process; of several, the main one has it."""

    settings: LoopSettings
    report: Report
    log: RunLog
    about: Callable[[], About]
    """What a state would say now."""

    def begin(self, step: int) -> None:
        """Start the bar, and the trackers that the settings name.

        Raises:
            MuzeError: a tracker cannot be reached.
        """
        self.trackers = Trackers(self.settings, self.log.name, self.log.identity, step, self.report)
        self.advance: Advance = self.report.task(self.log.name, self.settings.steps)
        self.advance(step)

    def stepped(self, step: int) -> None:
        """Tell that a step is done."""
        self.advance(note=self.log.in_words())
        if step % EVERY == 0:
            self.trackers.log(step, self._means(step))

    def validated(self, step: int) -> None:
        """Tell the last validation."""
        row, best = self.log.validated[-1], self.log.best
        told = f"validated at step {step}: {row.get('loss', math.nan):.4g}"
        if best is row:
            told += ", the best so far"
        elif best is not None:
            told += f", best {best['loss']:.4g} at step {best['step']}"
        self._note(told)
        self.trackers.log(step, {f"validation/{k}": v for k, v in row.items() if k != "step"})

    def saved(self, step: int) -> None:
        """Tell that there is a checkpoint, and write the page anew."""
        left = self.settings.steps - step
        parts = [f"step {step} saved", self.log.in_words()]
        if left and self.log.rate:
            parts.append(left_words(1, left, 1 / self.log.rate))
        self._note(", ".join(part for part in parts if part))
        self.write()

    def shown(self, step: int) -> None:
        """Tell the figures of a preview, and write the page anew."""
        path = self.settings.run / "previews" / f"step-{step:06d}.json"
        if path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))["scores"]
            self.trackers.log(
                step, {f"preview/{r['stream']}/{r['name']}": r["value"] for r in rows}
            )
        self.write()

    def write(self) -> None:
        """Write the run's page as of now; a disk that does not take it stops no training."""
        try:
            run_report.write_report(self.settings.run, self.about())
        except OSError as fault:
            self._note(f"no report: {fault}")

    def close(self) -> None:
        """Let the trackers go."""
        self.trackers.close()

    def _note(self, told: str) -> None:
        self.report.note(f"{self.log.name}: {told}")

    def _means(self, step: int) -> dict[str, float]:
        """Return the figures of the last steps, for trackers."""
        rows = self.log.losses[-EVERY:]
        found = {f"train/{name}": [row[name] for row in rows if name in row] for name in rows[-1]}
        found["train/gradient_norm"] = [n for n in self.log.norms[-EVERY:] if n is not None]
        means = {name: float(np.mean(values)) for name, values in found.items() if values}
        taken = [one for one in self.log.step_seconds[-EVERY:] if one]
        if taken:
            means["train/steps_a_second"] = len(taken) / sum(taken)
        return {**means, "train/learning_rate": rate_at(step - 1, self.settings)}
