"""How long work tells how far it is: silently, as lines, or as a bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINES = 4
"""Lines a task prints on its way where there is no terminal."""
SPEED_OVER = 300.0
"""Seconds over which a bar tells how fast it goes; a step of a training may take minutes."""


class Advance(Protocol):
    """Tells that some more steps of a task are done."""

    def __call__(self, steps: int = 1, note: str = "") -> None:
        """Count ``steps`` more; a ``note``, as ``loss 0.51``, stands beside the count.

        The first call may count what was done before: only what comes after it tells how fast the
        task goes.
        """
        ...


class Report(Protocol):
    """Where a pipeline tells what it is doing."""

    def task(self, description: str, total: int) -> Advance:
        """Start a task of ``total`` steps; call what comes back as they are done."""
        ...

    def note(self, text: str) -> None:
        """Tell one thing the user should know."""
        ...


class SilentReport:
    """Tells nothing."""

    def task(self, description: str, total: int) -> Advance:  # noqa: ARG002
        """Return a counter that counts nothing."""

        def advance(steps: int = 1, note: str = "") -> None:
            pass

        return advance

    def note(self, text: str) -> None:
        """Tell nothing."""

    def close(self) -> None:
        """Do nothing."""


class LineReport:
    """Tells in plain lines, for logs: the start of a task, some steps on its way, its end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def task(self, description: str, total: int) -> Advance:
        """Print a line now, a few on the way, and one at the end."""
        started, done, told = time.monotonic(), 0, 0
        first: tuple[int, float] | None = None
        self.note(f"{description}: {total} steps")

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done, told, first
            done += steps
            now = time.monotonic()
            parts = [f"{description}: {done}/{total}", f"{now - started:.1f} s"]
            if first is None:
                first = done, now
            elif done < total:
                parts.append(left_words(done - first[0], total - done, now - first[1]))
            share = done * LINES // total if total else LINES
            if share > told:
                told = share
                self.note(", ".join([*parts, *([note] if note else [])]))

        return advance

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Do nothing."""


def left_words(done: int, left: int, seconds: float) -> str:
    """Return how long ``left`` steps take, told by what was ``done`` in so many seconds."""
    more = seconds / max(done, 1) * left
    return f"{more:.0f} s left" if more < 100 else f"{timedelta(seconds=round(more))} left"


class RichReport:
    """Draws a bar a task on the terminal, with the time spent and the time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def task(self, description: str, total: int) -> Advance:
        """Add a bar."""
        progress = self._running()
        bar: TaskID = progress.add_task(description, total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            progress.update(bar, advance=steps, note=note)

        return advance

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._running().console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bars as they stand, and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()

    def _running(self) -> Progress:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                speed_estimate_period=SPEED_OVER,
                console=Console(stderr=True),
            )
            self._progress.start()
        return self._progress


@contextmanager
def open_report(quiet: bool = False) -> Iterator[Report]:
    """Yield the report that suits this process, and close it whatever happens."""
    spoken = RichReport if sys.stderr.isatty() else LineReport
    report = SilentReport() if quiet else spoken()
    try:
        yield report
    finally:
        report.close()
