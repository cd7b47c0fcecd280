"""Chord labels: drawn on the grid, read back from it, heard in audio, and compared."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis import mustango
from muze.analysis.chord_network import SYMBOLS, chord_likelihoods
from muze.analysis.sound import Sound, hear
from muze.core.grid import Array, Audio, TimeGrid
from muze.core.protocols import Score
from muze.core.theory import NO_CHORD, QUALITIES, Chord, chord_vector

Span = tuple[str, float, float]
"""A chord symbol, and its start and end in seconds of the song."""


@lru_cache(maxsize=4096)
def chord_column(symbol: str) -> NDArray[np.float32]:
    """Return root one-hot, pitch-class set, bass one-hot (C = 0) and "no chord", shape (37,)."""
    chord = Chord.parse(symbol)
    column = np.append(chord_vector(chord), np.float32(chord is None))
    column.flags.writeable = False  # shared by every caller
    return column


def draw_chords(spans: Sequence[Span], grid: TimeGrid) -> tuple[Array, Array]:
    """Return the chords' columns (37, T), and where there is one, (T,) of 0 and 1.

    Raises:
        ValueError: a symbol is no chord.
    """
    drawn = np.zeros((37, grid.frames), np.float32)
    present = np.zeros(grid.frames, np.float32)
    for symbol, start, end in spans:
        first, last = grid.frames_between(start, end)
        drawn[:, first:last] = chord_column(symbol)[:, None]
        present[first:last] = 1
    return drawn, present


@lru_cache(maxsize=1)
def _symbols() -> dict[bytes, str]:
    """Every column to its plainest symbol: some slash chords share one (C/A and C6/A)."""
    table = {chord_column(NO_CHORD).tobytes(): NO_CHORD}
    for quality in QUALITIES:
        for root in range(12):
            for bass in [root, *((root + step) % 12 for step in range(1, 12))]:
                symbol = str(Chord(root, quality, bass))
                table.setdefault(chord_column(symbol).tobytes(), symbol)
    return table


def decode_chords(drawn: Array, grid: TimeGrid) -> list[Span]:
    """Read columns (37, T) back into spans; a frame without any column is "no chord"."""
    changes = np.flatnonzero(np.any(drawn[:, 1:] != drawn[:, :-1], axis=0)) + 1
    edges = [0, *(int(c) for c in changes), drawn.shape[1]]
    spans = []
    for first, last in itertools.pairwise(edges):
        column = np.ascontiguousarray(drawn[:, first], np.float32)
        symbol = _symbols()[column.tobytes()] if column.any() else NO_CHORD
        times = grid.start + np.asarray([first, last]) / grid.frame_rate
        spans.append((symbol, float(times[0]), float(times[1])))
    return spans


CHANGE = 3.0
"""Log-probability a change of chord costs; chosen on training songs of muze-corpus."""


@lru_cache(maxsize=4)
def likeliest_chords(sound: Sound, edges: tuple[float, ...]) -> list[str]:
    """Return the likeliest sequence of symbols in the spans between two edges [s] (Viterbi)."""
    return [SYMBOLS[i] for i in _viterbi(chord_likelihoods(sound, np.asarray(edges)))]


def hear_chords(audio: Audio, grid: TimeGrid) -> list[Span]:
    """Return the chords heard, changing only on the grid's beats."""
    sound, edges = hear(audio), _edges(grid)
    if sound.silent:
        return [(NO_CHORD, edges[0], edges[-1])]
    symbols = likeliest_chords(sound, tuple(t - grid.start for t in edges))
    return list(zip(symbols, edges[:-1], edges[1:], strict=True))


def chord_confidence(audio: Audio, grid: TimeGrid) -> float | None:
    """Return the mean probability of the chords heard, 0 to 1; None where nothing sounds."""
    sound, edges = hear(audio), _edges(grid)
    if sound.silent:
        return None
    relative = tuple(t - grid.start for t in edges)
    likelihoods = chord_likelihoods(sound, np.asarray(relative))
    total = np.logaddexp.reduce(likelihoods, axis=0)
    chosen = [SYMBOLS.index(symbol) for symbol in likeliest_chords(sound, relative)]
    odds = np.exp(likelihoods[chosen, np.arange(len(chosen))] - total)
    return float(np.average(odds, weights=np.diff(edges)))


def _edges(grid: TimeGrid) -> list[float]:
    """Seconds of the song between which a chord stays: the grid's ends and its beats."""
    end = grid.start + grid.duration
    return [grid.start, *(float(t) for t in grid.beat_times if grid.start < t < end), end]


def _viterbi(likelihoods: Array) -> list[int]:
    """The row of greatest sum in each column of (S, N), each change of row costing ``CHANGE``."""
    total, back = likelihoods[:, 0], []
    for column in likelihoods[:, 1:].T:
        best = int(total.argmax())
        stays = total >= total[best] - CHANGE
        back.append(np.where(stays, np.arange(len(total)), best))
        total = np.where(stays, total, total[best] - CHANGE) + column
    path = [int(total.argmax())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    return path[::-1]


def chord_scores(asked: Array, heard: Array, present: Array, grid: TimeGrid) -> list[Score]:
    """Compare two drawings of chords (37, T) on the frames where one was asked."""
    from mir_eval import chord as measure

    if not present.any():
        return []
    want, got = decode_chords(asked, grid), decode_chords(heard, grid)
    intervals, first, second = measure.util.merge_labeled_intervals(
        *_labelled(want, grid), *_labelled(got, grid)
    )
    middle = (intervals.mean(axis=1) * grid.frame_rate).astype(int).clip(0, grid.frames - 1)
    weight = np.diff(intervals, axis=1)[:, 0] * present[middle]
    scores = []
    # floors: a chord drawn at random from those each measure tells apart
    for name, floor in (("majmin", 1 / 24), ("triads", 1 / 48), ("tetrads", 1 / 96)):
        equal = getattr(measure, name)(first, second)
        if weight[equal >= 0].sum() > 0:  # it compares no chord outside its vocabulary
            figure = float(measure.weighted_accuracy(equal, weight))
            scores.append(Score(f"chord {name}", figure, "share", True, floor))
    same = np.asarray([a == b for a, b in zip(first, second, strict=True)])
    both = float(weight[same].sum())
    union = 2 * float(weight.sum()) - both
    scores.append(Score("chord IOU", both / union, "share", True, None))
    names = [c for c, start, _ in want if present[int((start - grid.start) * grid.frame_rate)]]
    heard_names = [c for c, _, _ in got]
    metrics = {
        "ECM": mustango.exact_chord_match,
        "PCM": mustango.perfect_chord_match,
        "CMO": mustango.chord_match_any_order,
        "CMOM": mustango.chord_match_any_order_majmin,
    }
    for name, metric in metrics.items():
        value = metric(names, heard_names)
        if value is not None:
            # chords drawn at random from the right key reach .17-.33 of four in ECM, .43-.68 in
            # CMO; with other numbers of chords the floors differ, so none is stated
            scores.append(Score(f"chord {name}", value, "share", True, None))
    return scores


def _labelled(spans: Sequence[Span], grid: TimeGrid) -> tuple[Array, list[str]]:
    """Intervals from 0 and Harte labels, as mir_eval takes them."""
    intervals = np.asarray([[start, end] for _, start, end in spans]) - grid.start
    chords = [Chord.parse(symbol) for symbol, _, _ in spans]
    return intervals, [chord.mir_eval if chord else "N" for chord in chords]
