"""Which progressions, chord sets, tempi, forms and lines are kept out of training, by rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

TRAIN, HELD_OUT = "train", "held-out"
SPLITS = (TRAIN, HELD_OUT)


def _one_in_eight(text: str) -> bool:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 8 == 0


def canonical(degrees: Sequence[str]) -> str:
    """The loop as text, the same wherever in the loop one starts."""
    rotations = [" ".join([*degrees[i:], *degrees[:i]]) for i in range(len(degrees))]
    return min(rotations)


def progression_held_out(degrees: Sequence[str]) -> bool:
    """True for a loop of degree:quality strings that training never sees."""
    return _one_in_eight("progression " + canonical(degrees))


def chord_set_held_out(names: Iterable[str]) -> bool:
    """True for a set of freely walked chords that training never sees."""
    return _one_in_eight("set " + " ".join(sorted(set(names))))


def tempo_held_out(bpm: float) -> bool:
    """True for 67, 77, 87... BPM."""
    return round(bpm) % 10 == 7


def form_held_out(types: Sequence[str]) -> bool:
    """True for an order of sections that training never sees."""
    return _one_in_eight("form " + " ".join(types))


def line_held_out(text: str) -> bool:
    """True for a line that is never sung in training."""
    return _one_in_eight(f"line {text}")


def allowed(held_out: bool, split: str) -> bool:
    """True where something may be used in a split."""
    return held_out == (split == HELD_OUT)
