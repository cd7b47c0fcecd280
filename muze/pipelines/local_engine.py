"""Tracks heard by processes of this machine; one that crashes costs one track."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.listening import BuildSettings, available_cores, open_listener

CRASHED = "whoever listened to it crashed; the file may be damaged, or memory ran out"
_listener: Listener | None = None


def annotate_locally(tasks: Sequence[Task], settings: BuildSettings) -> Iterator[Outcome]:
    """Yield each task's outcome as it is done, by ``settings.workers`` processes.

    Where a process dies, what it and its neighbours were at is tried again, each alone; one that
    kills its process again is given up.
    """
    size = settings.batch_size
    waiting = [tuple(tasks[i : i + size]) for i in range(0, len(tasks), size)][::-1]
    while waiting:
        suspects: list[Task] = []
        with _pool(settings, settings.workers) as pool:
            running: dict[Future[list[Outcome]], tuple[Task, ...]] = {}
            while (waiting and not suspects) or running:
                while waiting and not suspects and len(running) < settings.workers:
                    batch = waiting.pop()
                    running[pool.submit(_work, batch)] = batch
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    batch = running.pop(future)
                    try:
                        yield from future.result()
                    except BrokenProcessPool:
                        suspects += batch
        for task in suspects:
            yield _alone(task, settings)


def _alone(task: Task, settings: BuildSettings) -> Outcome:
    with _pool(settings, 1) as pool:
        try:
            return pool.submit(_work, (task,)).result()[0]
        except BrokenProcessPool:
            return Outcome(task.audio_path, None, CRASHED)


def _pool(settings: BuildSettings, workers: int) -> ProcessPoolExecutor:
    threads = max(1, available_cores() // workers)
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _begin, (settings, threads)
    )


def _begin(settings: BuildSettings, threads: int) -> None:
    """Start a worker: its models are loaded once, and it ends when its parent has."""
    global _listener
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is imported
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _listener = open_listener(settings)


def _work(tasks: Sequence[Task]) -> list[Outcome]:
    assert _listener is not None
    return [_listener.annotate(task) for task in tasks]
