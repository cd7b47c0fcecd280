"""A few steps of a training on a handful of its tracks, measured and thrown away."""

from __future__ import annotations

import gc
import heapq
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil  # type: ignore[import-untyped]  # comes with accelerate
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from muze.core.registry import Registry
from muze.data.store import Dataset, Record, stored_records, write_dataset
from muze.data.track import track_grid
from muze.pipelines.accounting import Account, counted
from muze.pipelines.components import open_streams
from muze.pipelines.loop import Objective
from muze.pipelines.trained import unseen_rows
from muze.pipelines.training import LoopSettings
from muze.report import Advance, SilentReport

TRACKS = 4
"""Tracks that are tried: of those as long as a crop, those whose records tell most; short ones."""
FRAME_RATE = 100  # mel frames a second, of crop_frames
NEVER = 10**9
GRADIENT = 4  # bytes, as of each of AdamW's two moments
PLAIN: dict[str, Any] = {
    "resume": False, "resume_from": None, "minutes": None, "validation": 0.0,
    "validation_dataset": None, "validate_every": None, "preview_every": None, "track": (),
    "save_every": NEVER, "keep": 0, "max_tracks": None,
}  # fmt: skip
"""What a trial leaves out of a training."""


@dataclass(frozen=True)
class Sample:
    """Some tracks of a dataset, and how much music all of it is."""

    tracks: tuple[Record, ...]
    seconds: float


@dataclass(frozen=True)
class Trial:
    """What some steps took; sizes in bytes."""

    weights: int
    trained: int
    stored: int
    """The network's weights and buffers, as a file holds them."""
    activations: int
    """What autograd kept at once."""
    at_once: int
    """That and the gradients, at the worst moment of a step."""
    program: int
    """What the process has besides: Python, torch, and what streams listen and read with."""
    seconds: float
    """The median step but for the first, which allocates what later ones reuse."""


class _EnoughError(Exception):
    """As many steps are done as were wanted."""


class _Steps(SilentReport):
    """Notes when each step of a training was done, and ends it after some."""

    def __init__(self, steps: int, account: Account) -> None:
        self.steps, self.account, self.done = steps, account, list[float]()
        self.resident = 0

    def task(self, description: str, total: int) -> Advance:  # noqa: ARG002
        """Count the calls that say how the training goes: only its steps do."""

        def advance(steps: int = 1, note: str = "") -> None:  # noqa: ARG001
            if note:
                self.done.append(time.perf_counter())
                self.account.stepped()
            if len(self.done) == self.steps:
                self.resident = psutil.Process().memory_info().rss
                raise _EnoughError

        return advance


def sample(settings: LoopSettings) -> Sample:
    """Return the tracks to try a training on, and the seconds of its whole dataset.

    Raises:
        DatasetError: it cannot be read.
    """
    seconds, added = 0.0, list[Record]()
    streams = open_streams({name: {} for name in getattr(settings, "add_stream", ())}, Registry())

    def long_enough() -> Iterator[tuple[int, float, int, Record]]:
        nonlocal seconds
        for number, record in enumerate(records):
            seconds += record["duration"]
            for name in [*streams]:  # which a training refuses where no record tells it
                told = unseen_rows({name: streams[name]}, [record], [track_grid(record)])
                if told[name] is not None:
                    added.append(record)
                    del streams[name]
            if record["duration"] * FRAME_RATE > settings.crop_frames:
                untold = sum(value is None for value in record.values())
                yield untold, record["duration"], number, record

    records = islice(stored_records(settings.dataset), settings.max_tracks)
    dataset = Dataset(settings.dataset, ())
    best = [record for *_, record in heapq.nsmallest(TRACKS, long_enough())]
    tracks = {str(dataset.audio(r).resolve()): r for r in [*best, *added]}
    return Sample(tuple({**r, "audio_path": path} for path, r in tracks.items()), seconds)


def try_steps(what: str, settings: LoopSettings, tracks: Sequence[Record], steps: int) -> Trial:
    """Train on some tracks for a few steps, and return what they took; nothing of it stays.

    Raises:
        MuzeError: it cannot be trained so; as the training itself says.
    """
    train = import_module(f"muze.pipelines.train_{what}").train
    changes: dict[str, Any] = {**PLAIN, "steps": max(settings.steps, steps + 1)}
    if getattr(settings, "adversarial_from", None) is not None:
        changes["adversarial_from"] = 0  # the dearest steps
    with TemporaryDirectory(prefix="muze-estimate-") as folder:
        changes |= {"dataset": Path(folder) / "dataset.json", "run": Path(folder) / "run"}
        write_dataset(changes["dataset"], tracks)
        with counted() as account, _trained() as found:
            report = _Steps(steps, account)
            with suppress(_EnoughError):
                train(settings.model_copy(update=changes), report)
    (model,) = found
    weights = [weight.numel() for weight in model.parameters()]
    trained = [weight.numel() for weight in model.parameters() if weight.requires_grad]
    stored = sum(v.numel() * v.element_size() for v in model.state_dict().values())
    kept = 2 * stored + 3 * GRADIENT * sum(trained)  # with the average, and two moments
    taken = [after - before for before, after in pairwise(report.done)]
    found.clear()
    del model
    gc.collect()  # the optimiser and the network know each other
    return Trial(
        weights=sum(weights),
        trained=sum(trained),
        stored=stored,
        activations=account.activations,
        at_once=account.at_once,
        program=max(report.resident - kept, 0),
        seconds=statistics.median(taken),
    )


@contextmanager
def _trained() -> Iterator[list[nn.Module]]:
    """Yield where the network that is trained inside is put."""
    found: list[nn.Module] = []

    def look(module: nn.Module, _: object) -> None:
        if isinstance(module, Objective) and not found:
            found.append(module.model)

    watch = register_module_forward_pre_hook(look)
    try:
        yield found
    finally:
        watch.remove()
