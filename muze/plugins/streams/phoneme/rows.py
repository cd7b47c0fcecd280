"""Sounds as tokens: a row each, with the time they are spoken of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from muze.analysis.phonemes import Phone, read_phone
from muze.core.grid import Array, Features, TimeGrid

UNKNOWN = -1.0
"""Seconds of a sound whose length nobody told."""


def row_of(phone: Phone, opens: bool, seconds: float = UNKNOWN) -> tuple[float, ...]:
    """Return a sound's number, stress, whether it opens a word, and its length."""
    return phone.id, phone.stress, opens, seconds


def draw_rows(rows: Sequence[Sequence[float]], spans: Sequence[tuple[float, float]]) -> Features:
    """Return the features of rows (N, 4) that are spoken of from when to when, (N, 2)."""
    return {
        "phonemes": np.asarray(rows, np.float32).reshape(-1, 4),
        "phonemes_span": np.asarray(spans, np.float32).reshape(-1, 2),
    }


def draw_words(words: Sequence[Sequence[Phone]], grid: TimeGrid) -> Features:
    """Return words whose time nobody told: each sound spans the grid."""
    rows = [row_of(phone, index == 0) for word in words for index, phone in enumerate(word)]
    return draw_rows(rows, [(grid.start, grid.start + grid.duration)] * len(rows))


def draw_times(timed: Sequence[Mapping[str, Any]], grid: TimeGrid) -> Features:
    """Return the sounds of a record's ``phoneme_timestamps`` that the grid holds, if in part."""
    rows, spans, word = [], [], None
    for entry in timed:
        start, end = float(entry["start"]), float(entry["end"])
        phone = read_phone(entry["phoneme"])
        opens, word = entry.get("word") != word, entry.get("word")
        if start < grid.start + grid.duration and end > grid.start:
            rows.append(row_of(phone, opens, end - start))
            spans.append((start, end))
    return draw_rows(rows, spans)


def numbers_of(features: Features, where: Array | None, grid: TimeGrid) -> list[int]:
    """Numbers of the sounds in order, of those in whose middle ``where`` (T,) holds."""
    told = features["phonemes"][:, 0].astype(int)
    if where is None:
        return [int(number) for number in told]
    middle = features["phonemes_span"].mean(axis=1) - grid.start
    at = np.clip((middle * grid.frame_rate).astype(int), 0, grid.frames - 1)
    return [int(number) for number in told[where[at] > 0]]
