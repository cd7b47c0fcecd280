"""Tracks heard by processes of this machine; one that crashes costs one track."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.listening import BuildSettings, available_cores, open_listener

if TYPE_CHECKING:
    from muze.pipelines.annotate import Listener

CRASHED = "whoever listened to it crashed; the file may be damaged, or memory ran out"
_settings: BuildSettings | None = None


def annotate_locally(
    tasks: Sequence[Task], settings: BuildSettings
) -> Generator[Outcome, None, None]:
    """Yield each task's outcome as it is done, by ``settings.workers`` processes.

    Where a process dies, what it and its neighbours were at is tried again, each alone; one that
    kills its process again is given up. Interrupted, terminated or closed, all processes end at
    once.
    """
    size = settings.batch_size
    waiting = [tuple(tasks[i : i + size]) for i in range(0, len(tasks), size)][::-1]
    with _interrupted_by_sigterm():
        yield from _annotate(waiting, settings)


def _annotate(
    waiting: list[tuple[Task, ...]], settings: BuildSettings
) -> Generator[Outcome, None, None]:
    while waiting:
        suspects: list[Task] = []
        with _pool(settings, settings.workers) as pool:
            running: dict[Future[list[Outcome]], tuple[Task, ...]] = {}
            broken = False
            while (waiting and not broken) or running:
                while waiting and not broken and len(running) < settings.workers:
                    try:
                        with _no_interrupts():
                            running[pool.submit(_work, waiting[-1])] = waiting[-1]
                    except BrokenProcessPool:  # one died since the last outcome
                        broken = True
                    else:
                        waiting.pop()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    batch = running.pop(future)
                    try:
                        yield from future.result()
                    except BrokenProcessPool:
                        broken = True
                        suspects += batch
        for task in suspects:
            yield _alone(task, settings)


def _alone(task: Task, settings: BuildSettings) -> Outcome:
    with _pool(settings, 1) as pool:
        try:
            return pool.submit(_work, (task,)).result()[0]
        except BrokenProcessPool:
            return Outcome(task.audio_path, None, CRASHED)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let processes that are started here not hear Ctrl-C from their first moment.

    It goes to the whole group; the parent alone answers, once this is over, and they end with it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # which is started with a mask of its own
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, which lets those that it started end first."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers are the main thread's
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _pool(settings: BuildSettings, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes that end when this is left, at once if what is inside is broken off."""
    threads = max(1, available_cores() // workers)
    spawn = multiprocessing.get_context("spawn")
    leash, held = spawn.Pipe(duplex=False)
    with (
        leash,
        held,
        ProcessPoolExecutor(workers, spawn, _begin, (settings, threads, leash)) as pool,
    ):
        try:
            yield pool
        except BaseException:
            held.close()
            raise


def _begin(settings: BuildSettings, threads: int, leash: Connection) -> None:
    """Start a worker, which ends when its parent has, or has let go of the leash."""
    global _settings
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is imported

    def follow() -> None:
        with suppress(EOFError, OSError):
            leash.recv_bytes()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _settings = settings


def _work(tasks: Sequence[Task]) -> list[Outcome]:
    listener = _listener()
    return [listener.annotate(task) for task in tasks]


@cache
def _listener() -> Listener:
    """Return this worker's own; what this raises is told, where a dead worker's is not."""
    assert _settings is not None
    return open_listener(_settings)
