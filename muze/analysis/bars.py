"""A recording bar by bar: its timbre, rhythm, notes and level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis import chroma, onsets
from muze.analysis.chroma import semitones
from muze.analysis.onsets import log_mel, onset_bands
from muze.analysis.sound import RATE, hear
from muze.audio.loudness import energy_until
from muze.core.grid import Audio, TimeGrid

Array = NDArray[Any]

LOWEST_NOTE, NUM_NOTES = 36, 36  # from C4 on, three octaves: melody and chords, not the bass
SIMPLE, COMPOUND = 4, 6  # slots of a beat in which onsets are told apart
FAINT_DB = 40.0  # below the loud bars; what is softer is as good as silent
FLAT = 0.25  # of a mean bar's length: a bar that differs by less is told from none


@dataclass(frozen=True)
class Bars:
    """What each of n bars sounds like.

    ``lines`` are the n + 1 seconds at which bars begin and end, from the start of the sound;
    ``mel`` is (48, n), ``onsets`` (n, 6, slots), ``pitches`` (36 x slots, n), ``level_db`` (n,).
    """

    lines: NDArray[np.float64]
    mel: Array
    onsets: Array
    pitches: Array
    level_db: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many bars there are."""
        return len(self.lines) - 1

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Length of each bar, shape (n,)."""
        return np.diff(self.lines)

    @property
    def activity(self) -> NDArray[np.float64]:
        """How much is struck in each bar, shape (n,)."""
        return np.asarray(self.onsets.mean(axis=(1, 2)), float)

    @cached_property
    def timbre(self) -> Array:
        """How each bar's spectrum differs from the mean one, (48, n)."""
        return _difference(self.mel)

    @cached_property
    def rhythm(self) -> Array:
        """How each bar's onsets in six bands differ from the mean bar's, (6 x slots, n)."""
        return _difference(self.onsets.reshape(self.count, -1).T)

    @cached_property
    def notes(self) -> Array:
        """How each bar's notes, half beat by half beat, differ from the mean bar's, (F, n)."""
        return _difference(self.pitches)


def hear_bars(audio: Audio, grid: TimeGrid) -> Bars:
    """Return a recording that starts at ``grid.start``, cut at the grid's bar lines.

    What is left over at either end, less than half a bar, belongs to the bar beside it.
    """
    sound, lines = hear(audio), bar_lines(grid)
    beats = grid.metre.beats_per_bar
    slots = beats * (COMPOUND if grid.metre.compound else SIMPLE)
    count = len(lines) - 1
    flux = averaged(onset_bands(sound), RATE / onsets.HOP, _divided(lines, slots))
    pitches = semitones(sound)[LOWEST_NOTE : LOWEST_NOTE + NUM_NOTES]
    pitches = np.log1p(100 * pitches / (pitches.max() + 1e-9))
    heard = averaged(pitches, RATE / chroma.HOP, _divided(lines, 2 * beats))
    power = np.diff(energy_until(audio, lines * audio.sample_rate)) / np.diff(lines)
    level_db = 10 * np.log10(np.maximum(power / audio.sample_rate, 1e-12))
    return Bars(
        lines,
        averaged(log_mel(sound), RATE / onsets.HOP, lines),
        np.log1p(flux.reshape(len(flux), count, slots).swapaxes(0, 1)),
        heard.reshape(NUM_NOTES, count, -1).swapaxes(1, 2).reshape(-1, count),
        np.maximum(level_db, np.percentile(level_db, 95) - FAINT_DB),
    )


def bar_lines(grid: TimeGrid) -> NDArray[np.float64]:
    """Return the edges of the bars in seconds from ``grid.start``, its start and end included."""
    inside = grid.bar_times - grid.start
    if len(inside) > 1:
        reach = float(np.median(np.diff(inside))) / 2
        inside = inside[(inside > reach) & (inside < grid.duration - reach)]
    else:
        inside = inside[(inside > 0) & (inside < grid.duration)]
    return np.asarray([0.0, *inside, grid.duration])


def averaged(x: Array, rate: float, edges: Array) -> Array:
    """Return the mean of ``x`` (F, T) between ``edges`` (N + 1,) in seconds, shape (F, N).

    ``rate`` is in frames a second. Where no frame lies between two edges the next one is taken.
    """
    at = np.minimum((edges * rate).astype(int), x.shape[1])
    first = np.minimum(at[:-1], x.shape[1] - 1)
    total = np.add.reduceat(x[:, : max(at[-1], first[-1] + 1)], first, axis=1)
    return np.asarray(total / np.maximum(np.diff(at), 1), x.dtype)


def _divided(lines: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Edges of ``parts`` even parts of each bar."""
    inside = lines[:-1, None] + np.diff(lines)[:, None] * np.arange(parts) / parts
    return np.append(inside.ravel(), lines[-1])


def _difference(x: Array) -> Array:
    """Each column's direction from the mean one, of length one, or less where it hardly differs."""
    away = x - x.mean(axis=1, keepdims=True)
    least = FLAT * float(np.linalg.norm(x, axis=0).mean()) + 1e-9
    return np.asarray(away / np.maximum(np.linalg.norm(away, axis=0), least), np.float32)
