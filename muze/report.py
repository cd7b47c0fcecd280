"""How long work tells how far it is: silently, as lines, or as a bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINES = 4
"""Lines a task prints on its way where there is no terminal."""


class Advance(Protocol):
    """Tells that some more steps of a task are done."""

    def __call__(self, steps: int = 1) -> None:
        """Count ``steps`` more."""
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

        def advance(steps: int = 1) -> None:
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
        self.note(f"{description}: {total} steps")

        def advance(steps: int = 1) -> None:
            nonlocal done, told
            done += steps
            share = done * LINES // total if total else LINES
            if share <= told:
                return
            told = share
            spent = time.monotonic() - started
            left = "" if done >= total else f", {spent / done * (total - done):.0f} s left"
            self.note(f"{description}: {done}/{total}, {spent:.1f} s{left}")

        return advance

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Do nothing."""


class RichReport:
    """Draws a bar a task on the terminal, with the time spent and the time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def task(self, description: str, total: int) -> Advance:
        """Add a bar."""
        progress = self._running()
        bar: TaskID = progress.add_task(description, total=total)

        def advance(steps: int = 1) -> None:
            progress.advance(bar, steps)

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
