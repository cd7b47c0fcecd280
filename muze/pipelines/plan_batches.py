"""Rows of events a planner learns from: whole songs and parts of them, with some of it given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from muze.core.grid import Metre
from muze.core.settings import Settings
from muze.model.planner import Given, PlanNetwork, Row, duration_number
from muze.pipelines.composition import Composition
from muze.pipelines.plan_events import HEADER, KINDS, Events, events_of
from muze.pipelines.plan_grammar import UNKNOWN, Telling

IGNORED = -100
"""In place of an event that is not learned."""
Share = float


class Lessons(Settings):
    """What of a song is told, and what is left to be guessed."""

    drop_text: Share = Field(0.1, ge=0, le=1, description="How often the prompt is left out.")
    drop_duration: Share = Field(0.1, ge=0, le=1, description="How often the length is.")
    give: Share = Field(
        0.3, ge=0, le=1, description="How often genre, metre, tempo, mode or tonic is given."
    )
    drop_field: Share = Field(
        0.1, ge=0, le=1, description="How often one of them, the energies or a loop is not told."
    )
    part: Share = Field(
        0.3, ge=0, le=1, description="How often some sections in a row are learned as a song."
    )
    vary: float = Field(
        0.05, ge=0, description="How far tempo and energies are moved about, as a deviation."
    )


@dataclass(frozen=True)
class Piece:
    """A song and the prompts that tell of it, as numbers of a table's rows."""

    song: Composition
    prompts: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Rows to be learned."""

    given: Given
    row: Row
    target: Tensor
    """The event after each, (B, N); ``IGNORED`` where it is not learned."""
    allowed: Tensor
    """Which events may follow, (B, N, V) bool."""

    def to(self, device: str) -> Batch:
        """Return the batch on a device."""
        return Batch(
            Given(**{f.name: getattr(self.given, f.name).to(device) for f in fields(Given)}),
            Row(**{f.name: getattr(self.row, f.name).to(device) for f in fields(Row)}),
            self.target.to(device),
            self.allowed.to(device),
        )


def length_of(song: Composition) -> float | None:
    """Return how many seconds a song's bars last; None where that is not known."""
    if song.num_bars is None or song.tempo is None:
        return None
    metre = Metre.parse(song.time_signature or "4/4")
    return song.num_bars * metre.beats_per_bar * 60 / song.tempo


def draw_batch(
    pieces: Sequence[Piece],
    texts: NDArray[np.float32],
    events: Events,
    count: int,
    lessons: Lessons,
    numbers: np.random.Generator,
    taken: slice = slice(None),
) -> Batch:
    """Return some of ``count`` songs drawn, each whole or in part, with some of it given."""
    rows = []
    for at in numbers.integers(len(pieces), size=count):
        piece = pieces[at]
        song = _part(piece.song, numbers) if numbers.random() < lessons.part else piece.song
        song = _varied(song, lessons.vary, numbers)
        prompt = None
        if piece.prompts and numbers.random() >= lessons.drop_text:
            prompt = texts[piece.prompts[numbers.integers(len(piece.prompts))]]
        length = None if numbers.random() < lessons.drop_duration else length_of(song)
        given = numbers.random(len(HEADER)) < lessons.give
        told = _thinned(song, lessons.drop_field, numbers)
        rows.append(lesson(told, events, prompt, length, given, texts.shape[1]))
    return collated(rows[taken], events)


def _part(song: Composition, numbers: np.random.Generator) -> Composition:
    count = len(song.sections)
    length = int(numbers.integers(1, count + 1)) if count else 0
    first = int(numbers.integers(count - length + 1))
    return song.part(first, first + length)


def _varied(song: Composition, deviation: float, numbers: np.random.Generator) -> Composition:
    """Return the song a little faster or slower, and its sections a little stiller or stronger."""
    tempo = song.tempo and song.tempo * float(np.exp(numbers.normal(0, deviation)))
    moved = numbers.normal(0, deviation, len(song.sections))
    sections = tuple(
        part
        if part.energy is None
        else replace(part, energy=float(np.clip(part.energy + by, 0, 1)))
        for part, by in zip(song.sections, moved, strict=True)
    )
    return replace(song, tempo=tempo, sections=sections)


def _thinned(song: Composition, share: float, numbers: np.random.Generator) -> Composition:
    """Return the song with some of what it says not said."""
    names = ("genre", "time_signature", "tempo", "mode", "tonic")
    lost = {name: None for name in names if numbers.random() < share}
    sections = song.sections
    if numbers.random() < share:
        sections = tuple(replace(part, energy=None) for part in sections)
    loops = {name: loop for name, loop in song.loops.items() if numbers.random() >= share}
    return replace(song, sections=sections, loops=loops, **lost)


@dataclass(frozen=True)
class Lesson:
    """One row to be learned, as numbers."""

    text: NDArray[np.float32] | None
    width: int
    duration: int
    fields: list[int]
    columns: list[tuple[int, int, int, int, int, int]]
    """Event, kind, place, about, left, target; one of each a step."""
    allowed: NDArray[np.bool_]


def lesson(
    song: Composition,
    events: Events,
    text: NDArray[np.float32] | None,
    length: float | None,
    given: Sequence[bool] | NDArray[np.bool_],
    width: int,
) -> Lesson:
    """Return a song as a row to be learned; what is not known is told and not learned."""
    header = events.header(song)
    fields = [
        event if told else events.kinds[kind].null
        for kind, event, told in zip(HEADER, header, given, strict=True)
    ]
    telling, before = Telling(events, song.num_bars), events.start
    columns, allowed, parts = [], [], iter(song.sections)
    for event in events_of(song, events):
        assert telling.kind is not None
        kind, mask = telling.kind, telling.allowed()
        learned = event != events.kinds[kind].null and mask[event]
        target = event if learned else IGNORED
        columns.append(
            (before, KINDS.index(kind), telling.place, telling.about, telling.bars_left, target)
        )
        allowed.append(mask)
        telling.push(event, next(parts).bars if kind == "bars" else None)
        before = event
    duration = UNKNOWN if length is None else duration_number(length)
    return Lesson(text, width, duration, fields, columns, np.stack(allowed))


def collated(rows: Sequence[Lesson], events: Events) -> Batch:
    """Return rows as one batch, the shorter ones filled up with what is not learned."""
    longest = max(len(row.columns) for row in rows)
    columns = np.zeros((len(rows), longest, 6), np.int64)
    columns[..., 5] = IGNORED
    allowed = np.ones((len(rows), longest, events.count), bool)
    text = np.zeros((len(rows), rows[0].width), np.float32)
    for at, row in enumerate(rows):
        columns[at, : len(row.columns)] = row.columns
        allowed[at, : len(row.columns)] = row.allowed
        if row.text is not None:
            text[at] = row.text
    event, kind, place, about, left, target = torch.from_numpy(columns).unbind(-1)
    given = Given(
        torch.from_numpy(text),
        torch.tensor([row.text is not None for row in rows]),
        torch.tensor([row.duration for row in rows]),
        torch.tensor([row.fields for row in rows]),
    )
    return Batch(given, Row(event, kind, place, about, left), target, torch.from_numpy(allowed))


def surprise(network: PlanNetwork, batch: Batch) -> Tensor:
    """Return how unlikely the network holds each event to be, in nats, (B, N); 0 if not learned."""
    logits = network(batch.given, batch.row).float().masked_fill(~batch.allowed, float("-inf"))
    return F.cross_entropy(
        logits.flatten(0, 1), batch.target.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(batch.target)


def losses_of(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Return means over songs: surprise of an event, and of a song's header, form and chords.

    ``loss`` is in nats an event, the others in nats a song.
    """
    assert isinstance(network, PlanNetwork)
    nats, learned = surprise(network, batch), batch.target != IGNORED
    kinds = {"header": HEADER, "form": ("section", "bars", "energy"), "chords": ("chord",)}
    out = {"loss": (nats.sum(1) / learned.sum(1).clamp(min=1)).mean()}
    for name, members in kinds.items():
        numbers = torch.tensor([KINDS.index(kind) for kind in members], device=nats.device)
        out[name] = (nats * torch.isin(batch.row.kind, numbers)).sum(1).mean().detach()
    return out
