"""TensorBoard and Weights & Biases: the figures of a training, where its settings name them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker

from muze.core.errors import MuzeError
from muze.pipelines.training import LoopSettings
from muze.report import Report

EVERY = 10
"""Steps of which the means are one point."""
SECRET = "WANDB_API_KEY"


class Trackers:
    """Those that a run's settings name; nothing is done where they name none.

    A resumed run goes on in the log that is there: ``begun`` at ``step``, it writes what follows.
    """

    def __init__(
        self, settings: LoopSettings, name: str, identity: str, step: int, report: Report
    ) -> None:
        self.settings, self.report = settings, report
        opens: Mapping[str, Callable[[], GeneralTracker]] = {
            "tensorboard": lambda: self._tensorboard(step),
            "wandb": lambda: self._wandb(name, identity),
        }
        self._open = [opens[one]() for one in settings.track]

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell figures of a step, by names like ``train/loss``."""
        told = {re.sub(r"[^\w/.-]", "_", name): value for name, value in figures.items()}
        for tracker in self._open:
            if isinstance(tracker, WandBTracker):  # whose own steps cannot be told again
                tracker.log({"step": step, **told})
            else:
                tracker.log(told, step=step)

    def close(self) -> None:
        """Write what is still to be written, and let the trackers go."""
        while self._open:
            self._open.pop().finish()

    def _tensorboard(self, step: int) -> GeneralTracker:
        """Return TensorBoard's, of the folder ``<run>/tensorboard``.

        What an interrupted run told of later steps is taken back.
        """
        later = step + 1 if step else None
        tracker = TensorBoardTracker("", self.settings.run / "tensorboard", purge_step=later)
        tracker.start()
        if not step:
            told = {"settings": f"```\n{self.settings.model_dump_json(indent=1)}\n```"}
            tracker.log(told, step=0)
        return tracker

    def _wandb(self, name: str, identity: str) -> GeneralTracker:
        """Return that of Weights & Biases, of project muze; WANDB_MODE=offline keeps it here.

        Raises:
            MuzeError: there is no key, or no connection.
        """
        import wandb

        run: Path = self.settings.run
        run.mkdir(parents=True, exist_ok=True)
        tracker = WandBTracker(
            os.environ.get("WANDB_PROJECT", "muze"),
            id=identity,
            name=run.resolve().name,
            job_type=name,
            dir=str(run),
            config=self.settings.model_dump(mode="json"),
            resume=None if os.environ.get("WANDB_MODE") == "offline" else "allow",
            settings=wandb.Settings(console="off", silent=True),  # what a terminal shows stays here
        )
        try:
            tracker.start()
        except wandb.errors.Error as fault:
            told = str(fault).splitlines()[0]
            if secret := os.environ.get(SECRET):
                told = told.replace(secret, "***")
            raise MuzeError(
                f"track: wandb cannot be reached: {told} (WANDB_MODE=offline keeps its log here)"
            ) from None
        tracker.run.define_metric("*", step_metric="step")
        if not tracker.run.offline:
            self.report.note(f"wandb: {tracker.run.url}")
        return tracker
