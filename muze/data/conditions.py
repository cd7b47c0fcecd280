"""What a dataset's records tell the network about crops of their tracks, with dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from muze.core.errors import DatasetError
from muze.core.grid import Features, TimeGrid
from muze.core.protocols import Stream
from muze.data.batch import collate
from muze.data.crops import Crop
from muze.data.store import Record
from muze.model.conditioning import Drawn

FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
"""What a record of another form than its stream reads may raise."""


def recall_crops(
    streams: Mapping[str, Stream],
    records: Sequence[Record],
    grids: Sequence[TimeGrid],
    crops: Sequence[Crop],
    numbers: np.random.Generator,
    rows: slice = slice(None),
) -> dict[str, Drawn]:
    """Return every stream's features for some rows of a batch of crops, each with a prompt of its.

    What a row is told does not depend on which other rows are asked for.
    """
    told = [with_prompt(records[crop.track], numbers) for crop in crops][rows]
    windows = [grids[crop.track].window(crop.first, crop.frames) for crop in crops[rows]]
    return {
        name: collate(
            [recalled(stream, record, grid) for record, grid in zip(told, windows, strict=True)],
            stream.layout,
            crops[0].frames,
        )
        for name, stream in streams.items()
    }


def recalled(stream: Stream, record: Record, grid: TimeGrid) -> Features | None:
    """Return what a stream recalls of a record.

    Raises:
        DatasetError: the stream fails at it; names the track and the stream.
    """
    try:
        return stream.recall(record, grid)
    except FAULTS as fault:
        raise DatasetError(
            f"{record.get('audio_path', 'record')}: stream {stream.name} cannot read this record "
            f"({type(fault).__name__}: {fault})"
        ) from fault


def with_prompt(record: Record, numbers: np.random.Generator) -> Record:
    """Return a record that says one of its prompts."""
    prompts = record.get("prompts") or [record.get("prompt")]
    return {**record, "prompt": prompts[int(numbers.integers(len(prompts)))]}


def drop_conditions(
    drawn: Mapping[str, Drawn],
    whole: float,
    each: float | Mapping[str, float],
    part: float,
    numbers: np.random.Generator,
    rows: slice = slice(None),
    batch: int | None = None,
) -> dict[str, Drawn]:
    """Return the conditions with some taken away, so that the network learns to do without.

    With probability ``whole`` a row loses every stream (classifier-free guidance, Ho & Salimans
    2022), with ``each`` (one for all, or by name) one stream by itself, with ``part`` a stretch of
    one stream's frames.
    Where ``drawn`` are some ``rows`` of a ``batch``, they lose what they would lose in the whole.
    """
    batch = len(next(iter(drawn.values())).present) if batch is None else batch
    nothing = numbers.random(batch) < whole
    out = {}
    for name, stream in drawn.items():
        frames = stream.present.shape[1]
        odds = each[name] if isinstance(each, Mapping) else each
        keep = np.ones((batch, frames), bool)
        keep[nothing | (numbers.random(batch) < odds)] = False
        for row in np.flatnonzero(numbers.random(batch) < part):
            first, last = np.sort(numbers.integers(0, frames + 1, 2))
            keep[row, first:last] = False
        out[name] = Drawn(stream.features, stream.present & torch.from_numpy(keep[rows]))
    return out
