"""Tracks heard on Ray: one machine or a cluster whose machines see the same folders."""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from muze.core.errors import MuzeError, NotInstalledError
from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.listening import BuildSettings, open_listener

LOST = "whoever listened to it, or to another of its batch, failed twice; Ray's logs tell more"
REACHED_IN = 10.0
"""Seconds within which the head of a cluster must answer."""


class _Worker:
    """A listener kept by a Ray actor; rows are JSON texts in and out."""

    def __init__(self, settings: str) -> None:
        self.listener: Listener = open_listener(BuildSettings.model_validate_json(settings))

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:  # Any: Ray's arrays
        tasks = [Task.from_json(json.loads(row)) for row in rows["task"]]
        return {"outcome": [json.dumps(self.listener.annotate(t).to_json()) for t in tasks]}


def annotate_on_ray(
    tasks: Sequence[Task], settings: BuildSettings
) -> Generator[Outcome, None, None]:
    """Yield each task's outcome as it is done, by ``settings.workers`` actors of Ray Data.

    A cluster is the one that ``RAY_ADDRESS`` names, or else this machine. What Ray says of its own
    stays off the terminal, unless muze logs at the level of debugging.

    Raises:
        NotInstalledError: Ray is not installed.
        MuzeError: the cluster cannot be reached.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise NotInstalledError('--engine ray needs Ray: pip install "muze[ray]"') from None
    _start(ray)
    context = ray.data.DataContext.get_current()
    if not _debugs():
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # now that Ray has set its own
    context.enable_progress_bars = False  # the build has its own
    context.max_errored_blocks = -1  # a batch that fails costs itself, and not the build
    told = [{"task": json.dumps(task.to_json())} for task in tasks]
    # in blocks of a batch from the start: to part them later would need a processor of its own
    blocks = max(1, -(-len(told) // settings.batch_size))
    with warnings.catch_warnings():
        # that of max_task_retries: Ray has no other way to say it yet
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        heard = ray.data.from_items(told, override_num_blocks=blocks).map_batches(
            _Worker,
            fn_constructor_args=(settings.model_dump_json(),),
            batch_size=settings.batch_size,
            compute=ray.data.ActorPoolStrategy(size=settings.workers),
            max_task_retries=1,
        )
    lost = {task.audio_path for task in tasks}
    # blocks as they come: to fetch one ahead would keep back the last that is done
    for batch in heard.iter_batches(prefetch_batches=0, batch_size=None):
        for text in batch["outcome"]:
            outcome = Outcome.from_json(json.loads(text))
            lost.discard(outcome.audio_path)
            yield outcome
    for path in sorted(lost):
        yield Outcome(path, None, LOST)


def _start(ray: Any) -> None:  # Any: the module, which has no types
    """Start Ray, or join its cluster."""
    _check_reachable(os.environ.get("RAY_ADDRESS", ""))
    quiet: AbstractContextManager[None] = nullcontext()
    if not _debugs():
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        quiet = _stderr_closed()  # as Ray says there that it took that level
    level = logging.INFO if _debugs() else logging.CRITICAL
    try:
        with quiet:
            ray.init(ignore_reinit_error=True, log_to_driver=_debugs(), logging_level=level)
    except (ConnectionError, RuntimeError, ValueError) as fault:
        raise MuzeError(f"Ray cannot be started: {fault}") from None


def _check_reachable(address: str) -> None:
    """Check that somebody is at a cluster's address: Ray itself would wait, and not say for what.

    Raises:
        MuzeError: nobody is.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return  # none, or a word of Ray's, as auto
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_IN).close()
    except OSError as fault:
        told = fault.strerror or str(fault)
        raise MuzeError(f"no Ray is at {address}, as RAY_ADDRESS says ({told})") from None


def _debugs() -> bool:
    return logging.getLogger("muze").isEnabledFor(logging.DEBUG)


@contextmanager
def _stderr_closed() -> Iterator[None]:
    """Drop what is written to stderr, by libraries of C as well."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
