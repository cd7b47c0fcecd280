"""Sounds that are sung, drawn on the grid's frames and read from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from muze.analysis.lyrics import Sung
from muze.analysis.phonemes import Phone, read_phone
from muze.core.grid import Features, TimeGrid

Run = tuple[Phone, int, int, int]
"""A sound, 2 where it begins a word, its first frame and one past its last."""


def sung_of(told: Iterable[Mapping[str, Any]]) -> list[Sung]:
    """Return a record's ``phoneme_timestamps`` as sounds; without words' numbers none opens one."""
    out, word = [], None
    for entry in told:
        opens, word = entry.get("word") != word, entry.get("word")
        phone = read_phone(entry["phoneme"])
        out.append(Sung(phone, float(entry["start"]), float(entry["end"]), opens))
    return out


def draw_sung(sung: Iterable[Sung], grid: TimeGrid) -> Features:
    """Return sounds as frames (3, T); one that no frame's centre lies in is lost."""
    rows = np.zeros((3, grid.frames), np.float32)
    for sound in sung:
        first, last = grid.frames_between(sound.start, sound.end)
        if first == last:
            continue
        rows[:, first:last] = [[sound.phone.id], [0], [sound.phone.stress]]
        # a sound that began before the grid begins in none of its frames
        if math.ceil((sound.start - grid.start) * grid.frame_rate - 0.5 - 1e-9) >= 0:
            rows[1, first] = 2 if sound.opens else 1
    return {"phonemes": rows}


def runs_of(features: Features) -> Iterator[Run]:
    """Yield the sounds that frames (3, T) tell, in order."""
    number, begins, stress = features["phonemes"].astype(int)
    cuts = np.flatnonzero((begins > 0) | (np.diff(number, prepend=0) != 0))
    for first, last in itertools.pairwise([*cuts, len(number)]):
        if number[first] > 0:
            phone = Phone.of(int(number[first]), int(stress[first]))
            yield phone, int(begins[first]), int(first), int(last)


def ids_of(runs: Iterable[Run]) -> Iterator[int]:
    """Return the sounds' numbers in the inventory."""
    return (phone.id for phone, _, _, _ in runs)


def words_of(runs: Iterable[Run]) -> Iterator[tuple[int, ...]]:
    """Yield each word's numbers in the inventory."""
    word: list[int] = []
    for phone, begins, _, _ in runs:
        if begins == 2 and word:
            yield tuple(word)
            word = []
        word.append(phone.id)
    if word:
        yield tuple(word)
