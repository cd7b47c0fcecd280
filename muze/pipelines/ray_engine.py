"""Tracks heard on Ray: one machine or a cluster whose machines see the same folders."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from muze.core.errors import NotInstalledError
from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.listening import BuildSettings, open_listener

LOST = "whoever listened to it, or to another of its batch, failed twice; Ray's logs tell more"


class _Worker:
    """A listener kept by a Ray actor; rows are JSON texts in and out."""

    def __init__(self, settings: str) -> None:
        self.listener: Listener = open_listener(BuildSettings.model_validate_json(settings))

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:  # Any: Ray's arrays
        tasks = [Task.from_json(json.loads(row)) for row in rows["task"]]
        return {"outcome": [json.dumps(self.listener.annotate(t).to_json()) for t in tasks]}


def annotate_on_ray(tasks: Sequence[Task], settings: BuildSettings) -> Iterator[Outcome]:
    """Yield each task's outcome as it is done, by ``settings.workers`` actors of Ray Data.

    A cluster is the one that ``RAY_ADDRESS`` names, or else this machine.

    Raises:
        NotInstalledError: Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise NotInstalledError('--engine ray needs Ray: pip install "muze[ray]"') from None
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the build has its own
    context.max_errored_blocks = -1  # a batch that fails costs itself, and not the build
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    told = [{"task": json.dumps(task.to_json())} for task in tasks]
    # in blocks of a batch from the start: to part them later would need a processor of its own
    blocks = max(1, -(-len(told) // settings.batch_size))
    heard = ray.data.from_items(told, override_num_blocks=blocks).map_batches(
        _Worker,
        fn_constructor_args=(settings.model_dump_json(),),
        batch_size=settings.batch_size,
        compute=ray.data.ActorPoolStrategy(size=settings.workers),
        max_task_retries=1,
    )
    lost = {task.audio_path for task in tasks}
    for row in heard.iter_rows():
        outcome = Outcome.from_json(json.loads(row["outcome"]))
        lost.discard(outcome.audio_path)
        yield outcome
    for path in sorted(lost):
        yield Outcome(path, None, LOST)
