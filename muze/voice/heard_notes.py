"""Notes heard in a recording of one voice: what was hummed, as a melody to sing words on."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.analysis.pitch import track_pitch
from muze.audio.io import read_audio
from muze.core.errors import ManifestError
from muze.core.grid import TimeGrid
from muze.core.notes import Note

SMOOTH = 9
"""Frames over which a pitch is settled, so that vibrato and slips make no notes."""
SHORTEST = 0.1
"""Seconds of what is a note and no passing sound."""
GAP = 0.06
"""Seconds without a pitch that part two notes; shorter ones are consonants inside one."""


def hum_notes(path: Path, grid: TimeGrid) -> tuple[Note, ...]:
    """Return the notes of a recording, on the semitone, in beats of the song.

    The recording starts where the grid does.

    A note ends where the pitch does, or where it moves to another semitone and stays.

    Raises:
        AudioError: the file cannot be read.
        ManifestError: no melody is heard in it.
    """
    audio = read_audio(path)
    hz, voiced = track_pitch(audio, TimeGrid.of_song(audio.duration))
    spans = [
        span for first, last in _runs(voiced) for span in _stays(hz[first:last], first)
        if span[2] - span[1] >= SHORTEST
    ]  # fmt: skip
    if not spans:
        raise ManifestError(f"{path}: no melody is heard in it")
    out = []
    for pitch, start, end in spans:
        first, last = grid.to_beats([grid.start + start, grid.start + end])
        out.append(Note(pitch, float(first), float(last - first)))
    return tuple(out)


def _runs(voiced: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first frame and one past the last of what is voiced, small gaps closed."""
    edges = np.flatnonzero(np.diff(np.pad(voiced, 1).astype(int))).reshape(-1, 2)
    out: list[tuple[int, int]] = []
    for first, last in edges.tolist():
        if out and (first - out[-1][1]) / 100 < GAP:
            out[-1] = out[-1][0], last
        else:
            out.append((first, last))
    return out


def _stays(hz: NDArray[np.float32], first: int) -> list[tuple[float, float, float]]:
    """Return MIDI pitch, start and end in seconds of each pitch that a run stays on."""
    from scipy.ndimage import median_filter

    known = hz > 0
    at = np.arange(len(hz))
    midi = 69 + 12 * np.log2(np.interp(at, at[known], hz[known]) / 440)
    steps = np.round(median_filter(midi, min(SMOOTH, len(hz)), mode="nearest"))
    out: list[tuple[float, float, float]] = []
    place = first
    for pitch, group in itertools.groupby(steps.tolist()):
        length = len(list(group))
        start, end = place / 100, (place + length) / 100
        place += length
        if out and (end - start < SHORTEST or out[-1][0] == pitch):  # on the way to another
            out[-1] = out[-1][0], out[-1][1], end
        else:
            out.append((pitch, start, end))
    return out
