"""What training does beside its steps: the next batch drawn meanwhile, and SIGTERM heard."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Draws by number, one ahead, in a thread; what is drawn depends on the number alone."""

    def __init__(self, draw: Callable[[int], T], first: int, end: int) -> None:
        self._draw, self._number, self._end = draw, first, end
        self._thread = ThreadPoolExecutor(1, "draws")
        self._next: Future[T] | None = self._begin()

    def next(self) -> T:
        """Return what the next number draws, and begin with the one after it."""
        assert self._next is not None
        drawn = self._next.result()
        self._number += 1
        self._next = self._begin()
        return drawn

    def rest(self) -> None:
        """Wait until nothing is being drawn, so that streams may be asked something else."""
        if self._next is not None:
            self._next.exception()

    def close(self) -> None:
        """Draw no more."""
        self._thread.shutdown(cancel_futures=True)

    def _begin(self) -> Future[T] | None:
        return self._thread.submit(self._draw, self._number) if self._number < self._end else None


@contextmanager
def heard_sigterm() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM sets, as a cluster sends it before it takes the machine back."""
    heard = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        heard.set()

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield heard
        return
    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGTERM, before)
