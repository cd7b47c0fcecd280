"""Trains the planner (phase 2): a prompt, a length and what is said become a whole plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import nn

from muze.core.errors import MuzeError
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.data.store import Record, read_dataset
from muze.model.checkpoint import load_part, save_part
from muze.model.planner import PlannerSettings, PlanNetwork
from muze.pipelines.components import open_streams
from muze.pipelines.composition import composition_of
from muze.pipelines.loop import Loop
from muze.pipelines.plan_batches import Batch, Lessons, Piece, draw_batch, length_of, losses_of
from muze.pipelines.plan_events import KINDS, Events, events_of
from muze.pipelines.plan_sampling import read_prompt
from muze.pipelines.planner_info import PART, planner_header
from muze.pipelines.training import LoopSettings, draws, start_folder
from muze.pipelines.validation import VALIDATION_SEED, split
from muze.report import Report

USUAL_LONGEST = 60.0
"""Seconds a go of a plan lasts at the most where no record tells how long its bars last."""


class TrainingSettings(LoopSettings):
    """How a planner is trained."""

    takes_crops: ClassVar[bool] = False

    planner: PlannerSettings = PlannerSettings()
    lessons: Lessons = Lessons()
    text: dict[str, object] = Field(
        default_factory=dict, description="Settings of the text stream that reads the prompts."
    )
    steps: int = Field(2000, ge=1, description="Steps of the whole run; the rate falls to 0.")
    batch_size: int = Field(32, ge=1, description="Songs a step, of all processes together.")
    learning_rate: float = Field(1e-3, gt=0, description="AdamW's rate after the warm-up.")
    weight_decay: float = Field(0.1, ge=0, description="AdamW's weight decay.")
    warmup: int = Field(100, ge=0, description="Steps over which the rate rises.")
    ema: float = Field(0.99, ge=0, lt=1, description="Decay of the averaged weights.")

    @model_validator(mode="after")
    def _check_planner(self) -> TrainingSettings:
        usual = type(self).model_fields["crop_frames"].default
        if self.crop_frames != usual:
            raise ValueError("crop_frames means nothing here, plans are whole; leave it out")
        if self.preview_every is not None:
            raise ValueError("preview_every means nothing here, plans make no sound; leave it out")
        return self


def train(settings: TrainingSettings, report: Report) -> None:
    """Train a planner and write it to ``<run>/planner``.

    Raises:
        MuzeError: no record tells anything of a plan.
    """
    dataset, held = split(read_dataset(settings.dataset), settings)
    stream = open_streams({"text": settings.text}, Registry())["text"]
    start = start_folder(settings)
    before = None if start is None else planner_header(start)
    events = Events() if before is None else Events(before.events)
    pieces, texts = read_pieces(dataset.tracks, stream, report)
    held_pieces, held_texts = read_pieces(held.tracks, stream, report) if held else ([], texts)
    unmet = unmet_events(pieces, events)
    lengths = [length for piece in pieces if (length := length_of(piece.song)) is not None]
    longest = float(np.percentile(lengths, 98)) if lengths else USUAL_LONGEST
    if before is not None:
        unmet = sorted({*unmet} & {*before.unmet})
        longest = max(longest, before.longest)
    check_told(unmet, events, settings.dataset, report)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        model = PlanNetwork(settings.planner, events.count, len(KINDS), texts.shape[1])
    if start is not None:
        load_part(start, PART, model)
    loop = Loop(model, settings, report, begun={"unmet": unmet, "longest": longest})

    def draw(step: int, rows: slice) -> Batch:
        numbers, _ = draws(settings.seed, step + 1)
        count = settings.batch_size
        return draw_batch(pieces, texts, events, count, settings.lessons, numbers, rows)

    def held_out(rows: slice) -> Batch:
        numbers, _ = draws(VALIDATION_SEED, 0)
        count = settings.validation_crops
        return draw_batch(held_pieces, held_texts, events, count, settings.lessons, numbers, rows)

    def write(averaged: nn.Module, folder: Path) -> Path:
        record = {k: v for k, v in loop.record().items() if k != "hours_heard"}
        extra: dict[str, Any] = {
            "events": events.vocabulary.model_dump(mode="json"),
            "text": type(stream).Config.model_validate(settings.text).model_dump(mode="json"),
            "text_width": texts.shape[1],
            **loop.begun,
        }
        save_part(folder / PART, PART, averaged, settings.planner, record, extra=extra)
        return folder / PART

    loop.run(draw, losses_of, PART, write, held_out=held_out if held else None)


def read_pieces(
    records: Sequence[Record], stream: Stream, report: Report
) -> tuple[list[Piece], NDArray[np.float32]]:
    """Return what records tell of plans, and their prompts as the text stream reads them, (P, T).

    Raises:
        ManifestError: a prompt is longer than the language model reads.
        DatasetError: a record names no chord, key or genre where it should.
    """
    advance = report.task("reading prompts", len(records))
    pieces, texts = list[Piece](), list[NDArray[np.float32]]()
    for record in records:
        told = record.get("prompts") or ([record["prompt"]] if record.get("prompt") else [])
        numbers = range(len(texts), len(texts) + len(told))
        texts += [read_prompt(stream, prompt) for prompt in told]
        pieces.append(Piece(composition_of(record), tuple(numbers)))
        advance()
    if not texts:
        texts = [np.zeros_like(read_prompt(stream, "music"))]
    return pieces, np.stack(texts)


def unmet_events(pieces: Sequence[Piece], events: Events) -> list[int]:
    """Return the events, of those that say something, that no song tells."""
    told = {event for piece in pieces for event in events_of(piece.song, events)}
    known = [e for kind in events.kinds.values() for e in range(kind.first, kind.null)]
    return [event for event in known if event not in told]


def check_told(unmet: Sequence[int], events: Events, dataset: Path, report: Report) -> None:
    """Tell which kinds of events there are none of.

    Raises:
        MuzeError: there are none of any.
    """
    missing = [
        name for name, kind in events.kinds.items() if {*range(kind.first, kind.null)} <= {*unmet}
    ]
    if len(missing) == len(KINDS):
        raise MuzeError(
            f"{dataset}: no record tells anything of a plan: genre, time_signature, tempo, key, "
            "segments or chords; muze dataset build hears them"
        )
    if missing:
        report.note(f"no record tells {', '.join(missing)}; templates will decide those")
