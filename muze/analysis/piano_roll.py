"""Piano rolls: notes drawn on the grid key by key, read back from it, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import Array, Features, TimeGrid
from muze.core.instruments import PARTS, part_of
from muze.core.protocols import Score

LOWEST, NUM_KEYS = 21, 88
HIGHEST = LOWEST + NUM_KEYS - 1
"""MIDI pitches of the keys told, A0 to C8."""
NUM_ROWS = len(PARTS) * NUM_KEYS
QUIETEST = 1 / 127


@dataclass(frozen=True)
class PlayedNote:
    """MIDI pitch, start and end in seconds of the song, program (None if unsaid), velocity."""

    pitch: int
    start: float
    end: float
    program: int | None
    velocity: float


def draw_roll(notes: Iterable[PlayedNote], grid: TimeGrid) -> Features:
    """Return ``roll``, velocity of each key of each part while it sounds, and ``struck``.

    ``roll`` is (5 * 88, T): the parts of ``muze.core.instruments.PARTS``, 88 keys each. ``struck``
    (88, T) is 1 in the frame in which a key is struck, by whatever part.

    Raises:
        ValueError: a note lies outside the keys.
    """
    roll = np.zeros((NUM_ROWS, grid.frames), np.float32)
    struck = np.zeros((NUM_KEYS, grid.frames), np.float32)
    parts = list(PARTS)
    for note in sorted(notes, key=lambda note: note.start):
        if not LOWEST <= note.pitch <= HIGHEST:
            raise ValueError(f"pitch {note.pitch} lies outside {LOWEST} to {HIGHEST}, A0 to C8")
        first, last = grid.frames_between(note.start, note.end)
        starts = int(np.ceil((note.start - grid.start) * grid.frame_rate - 0.5 - 1e-9))
        if starts >= grid.frames:
            continue
        key = note.pitch - LOWEST
        row = roll[parts.index(part_of(note.program)) * NUM_KEYS + key]
        row[first : max(last, first + 1) if starts >= 0 else last] = max(note.velocity, QUIETEST)
        if starts >= 0:
            struck[key, starts] = 1
    return {"roll": roll, "struck": struck}


def read_roll(features: Features, grid: TimeGrid) -> list[PlayedNote]:
    """Return the notes of a roll, in order, with the program that stands for each part."""
    notes = []
    for index, program in enumerate(PARTS.values()):
        rows = features["roll"][index * NUM_KEYS : (index + 1) * NUM_KEYS]
        notes += _notes(rows, features["struck"], program, grid)
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def onset_scores(
    asked: Features, heard: Features, present: NDArray[np.bool_], grid: TimeGrid
) -> list[Score]:
    """Compare when which key is struck, by whatever part, and when any is, both within 50 ms.

    The first is mir_eval.transcription's F1 (50 cents), the second mir_eval.onset's, whose floor
    is as many moments anywhere.
    """
    from mir_eval import onset, transcription, util

    want, got = (_struck(features, present, grid) for features in (asked, heard))
    figure = 0.0
    if want and got:
        spans = [
            np.asarray([(n.start, n.end) for n in notes]) - grid.start for notes in (want, got)
        ]
        hertz = [util.midi_to_hz(np.asarray([n.pitch for n in notes])) for notes in (want, got)]
        figure = transcription.precision_recall_f1_overlap(
            spans[0], hertz[0], spans[1], hertz[1], onset_tolerance=0.05, offset_ratio=None
        )[2]
    elif not want and not got:
        figure = 1.0  # silence was asked, and kept
    times = [np.unique([n.start - grid.start for n in notes]) for notes in (want, got)]
    any_key = float(onset.f_measure(*times, window=0.05)[0]) if want and got else figure
    seconds = max(present.sum() / grid.frame_rate, 1e-9)
    floor = 1 - float(np.exp(-2 * 0.05 * len(times[0]) / seconds)) if want else None
    return [
        Score("note onset F1", float(figure), "F1", True, None),
        Score("onset F1", any_key, "F1", True, floor),
    ]


def _struck(features: Features, present: NDArray[np.bool_], grid: TimeGrid) -> Sequence[PlayedNote]:
    """Notes of all parts on one keyboard that begin where something was asked."""
    rows = features["roll"].reshape(len(PARTS), NUM_KEYS, -1).max(axis=0)
    notes = _notes(rows, features["struck"], None, grid)
    frame = [int((note.start - grid.start) * grid.frame_rate + 0.5) for note in notes]
    return [note for note, at in zip(notes, frame, strict=True) if present[at]]


def _notes(rows: Array, struck: Array, program: int | None, grid: TimeGrid) -> list[PlayedNote]:
    """Notes of one keyboard (88, T): a key sounds from a strike to the next, or to silence."""
    notes = []
    for key in np.flatnonzero(rows.any(axis=1)):
        sounds = rows[key] > 0
        begins = sounds & ((struck[key] > 0) | ~np.pad(sounds, (1, 0))[:-1])
        ends = sounds & ((np.pad(begins, (0, 1)) | ~np.pad(sounds, (0, 1)))[1:])
        for first, last in zip(np.flatnonzero(begins), np.flatnonzero(ends), strict=True):
            start, end = (float(grid.start + x / grid.frame_rate) for x in (first, last + 1))
            notes.append(
                PlayedNote(LOWEST + int(key), start, end, program, float(rows[key, first]))
            )
    return notes


def note_fields(notes: Iterable[PlayedNote]) -> list[dict[str, Any]]:
    """Return notes as a dataset record's ``notes``."""
    return [
        {"pitch": note.pitch, "start": round(note.start, 3), "end": round(note.end, 3),
         "program": note.program, "velocity": round(note.velocity, 3)}
        for note in notes
    ]  # fmt: skip
