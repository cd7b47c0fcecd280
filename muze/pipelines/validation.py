"""Tracks that a training never sees, and how well the averaged weights do on them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn

from muze.core.errors import DatasetError, MuzeError
from muze.data.store import Dataset, Record, read_dataset
from muze.pipelines.training import LoopSettings

VALIDATION_SEED = 0
"""What is validated on is the same whatever seed a training has, so that runs compare."""
Batch = Any
"""What a training draws: tensors, in dicts and the like, for some rows."""
Losses = Callable[[nn.Module, Batch], dict[str, Tensor]]


def split(dataset: Dataset, settings: LoopSettings) -> tuple[Dataset, Dataset | None]:
    """Return the tracks to train on, and those to validate on; None where nothing asks for it.

    Nothing is held out unless ``validation`` says so: what a training hears is what its dataset
    has, and a small one has no song to spare. A share is chosen by the hash of each track's audio
    (of its path, where the record has none), so that a track stays on its side when others are
    added, and no audio is on both. At least one is held out.

    Raises:
        MuzeError: nothing is left to train on, or ``validation_dataset`` has tracks that are
            trained on; names one.
        DatasetError: ``validation_dataset`` cannot be read.
    """
    dataset = Dataset(dataset.path, dataset.tracks[: settings.max_tracks])
    if settings.validation_dataset is not None:
        held = read_dataset(settings.validation_dataset)
        _check_apart(dataset, held)
        return dataset, held
    if not settings.validation:
        return dataset, None
    places = [_place(record) for record in dataset.tracks]
    most = max(settings.validation, min(places))
    out = tuple(r for r, p in zip(dataset.tracks, places, strict=True) if p <= most)
    rest = tuple(r for r, p in zip(dataset.tracks, places, strict=True) if p > most)
    if not rest:
        raise MuzeError(
            f"validation is {settings.validation:g}, which leaves none of the {len(places)} tracks "
            "to train on"
        )
    return Dataset(dataset.path, rest), Dataset(dataset.path, out)


def fixed_batches(
    held_out: Callable[[slice], Batch], settings: LoopSettings, accumulate: int
) -> list[tuple[Batch, int]]:
    """Return what is validated on, drawn once, in batches as large as a micro-batch; with rows.

    Raises:
        MuzeError: no held-out track is as long as a crop.
    """
    size, count = settings.batch_size // accumulate, settings.validation_crops
    try:
        return [
            (held_out(slice(first, min(first + size, count))), min(size, count - first))
            for first in range(0, count, size)
        ]
    except DatasetError as fault:
        raise MuzeError(f"validation: {fault}") from None


def validate(
    model: nn.Module,
    losses: Losses,
    batches: Sequence[tuple[Batch, int]],
    device: torch.device,
) -> dict[str, float]:
    """Return the mean of each loss over batches of so many rows; what is not finite is left out."""
    rows = sum(count for _, count in batches)
    found: dict[str, float] = {}
    torch.manual_seed(0)
    for batch, count in batches:
        for name, value in losses(model, send_to_device(batch, device)).items():
            found[name] = found.get(name, 0.0) + float(value) * count / rows
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _place(record: Record) -> float:
    """Return where in [0, 1) a track lies, by its audio alone."""
    digest = hashlib.sha256(_identity(record).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _identity(record: Mapping[str, Any]) -> str:
    return str(record.get("audio_sha256") or record["audio_path"])


def _check_apart(dataset: Dataset, held: Dataset) -> None:
    def known(one: Dataset) -> dict[str | Path, Record]:
        there: dict[str | Path, Record] = {}
        for record in one.tracks:
            there[(one.path.parent / str(record["audio_path"])).resolve()] = record
            if record.get("audio_sha256"):
                there[str(record["audio_sha256"])] = record
        return there

    ours, theirs = known(dataset), known(held)
    both = {id(theirs[key]): theirs[key] for key in theirs.keys() & ours.keys()}
    if both:
        first = min(str(record["audio_path"]) for record in both.values())
        raise MuzeError(
            f"validation_dataset {held.path} has {len(both)} of the tracks that are trained on, "
            f"as {first}; take them out of one of the two"
        )
