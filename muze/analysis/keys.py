"""The key of a recording, judged by its chords."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.analysis.chords import Span, hear_chords
from muze.core.grid import Audio, TimeGrid
from muze.core.theory import NO_CHORD, Chord, Key

WEIGHTS = Path(__file__).with_name("key_network.safetensors")
KINDS = {"": 0, "maj7": 1, "6": 1, "m": 2, "m7": 3, "m6": 3, "7": 4, "dim": 5, "m7b5": 5}
OTHER = 6
"""Row of suspended and augmented chords."""


def estimate_key(audio: Audio, grid: TimeGrid) -> Key | None:
    """Return the major or minor key of the chords heard on the grid's beats; None without any."""
    chords = [span for span in hear_chords(audio, grid) if span[0] != NO_CHORD]
    return key_of_chords(chords) if chords else None


def key_of_chords(chords: Sequence[Span]) -> Key:
    """Return the likeliest key of a sequence of chords."""
    return Key.of_index(int(_logits(chords).argmax()))


def key_confidence(audio: Audio, grid: TimeGrid) -> float | None:
    """Return the probability of the key heard, 0 to 1; None where no chord is."""
    chords = [span for span in hear_chords(audio, grid) if span[0] != NO_CHORD]
    if not chords:
        return None
    logits = _logits(chords)
    return float(np.exp(logits.max() - np.logaddexp.reduce(logits)))


def _logits(chords: Sequence[Span]) -> NDArray[np.float64]:
    """Return how likely each key is, (24,), by index: majors from C, then minors."""
    statistics, w = chord_statistics(chords), _weights()
    turned = np.stack([np.roll(statistics, -tonic, axis=1).ravel() for tonic in range(12)])
    hidden = turned @ w["in.weight"].T + w["in.bias"]
    logits = (hidden / (1 + np.exp(-hidden))) @ w["out.weight"].T + w["out.bias"]
    return np.asarray(logits.T.ravel(), float)


def chord_statistics(chords: Sequence[Span]) -> NDArray[np.float64]:
    """Return what a key is judged by, by root, shape (11, 12).

    Seven rows: the share of time of each kind of chord, times three. Four rows: whether the first
    chord is major or minor, and the same of the last; pieces begin and end at home.
    """
    rows = np.zeros((11, 12))
    total = sum(end - start for _, start, end in chords)
    for symbol, start, end in chords:
        chord = Chord.parse(symbol)
        if chord is not None:
            rows[KINDS.get(chord.quality, OTHER), chord.root] += 3 * (end - start) / total
    for row, symbol in ((7, chords[0][0]), (9, chords[-1][0])):
        chord = Chord.parse(symbol)
        if chord is not None:
            rows[row + (KINDS.get(chord.quality) in (2, 3)), chord.root] = 1
    return rows


@lru_cache(maxsize=1)
def _weights() -> dict[str, NDArray[np.float32]]:
    from safetensors.numpy import load_file

    weights: dict[str, NDArray[np.float32]] = load_file(WEIGHTS)
    return weights
