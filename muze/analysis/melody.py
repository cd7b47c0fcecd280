"""A melody as pitch over time: drawn from notes, in semitones, and compared with another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.core.grid import TimeGrid
from muze.core.notes import Note
from muze.core.protocols import Score

C1 = 24  # MIDI
NUM_SEMITONES = 84
LOWEST, HIGHEST = C1, C1 + NUM_SEMITONES - 1
"""MIDI pitches of the lowest and highest semitone told, C1 and B7."""

SLACK = 0.05
"""Beats by which notes may end late: a section's grid ends on a frame."""
Hertz = NDArray[np.float32]


def midi_to_hz(pitch: ArrayLike) -> NDArray[np.float64]:
    """Return the frequency of MIDI pitches; 69 is 440 Hz."""
    return np.asarray(440.0 * 2 ** ((np.asarray(pitch, float) - 69) / 12))


def semitone(hz: ArrayLike) -> NDArray[np.float32]:
    """Return the nearest semitone of each frequency, 0 for C1 to 83 for B7; 0 where Hz is 0."""
    pitch = np.asarray(hz, float)
    steps = 12 * np.log2(np.where(pitch > 0, pitch, midi_to_hz(C1)) / midi_to_hz(C1))
    return np.clip(np.round(steps), 0, NUM_SEMITONES - 1).astype(np.float32)


def start_beat(grid: TimeGrid) -> float:
    """Return the beat of the song on which what is told for this grid begins.

    A section's grid begins on a frame; the section itself begins within that frame.
    """
    near = [s.start for s in grid.sections if abs(s.start - grid.start) * grid.frame_rate <= 1]
    return float(grid.to_beats(min(near, key=lambda s: abs(s - grid.start), default=grid.start)))


def draw_notes(notes: Iterable[Note], grid: TimeGrid) -> Hertz:
    """Return Hz (T,), 0 between notes, of notes in beats from where the grid begins."""
    first = start_beat(grid)
    spans = [
        (note.pitch, *grid.to_seconds([first + note.start, first + note.end])) for note in notes
    ]
    return draw_spans(spans, grid)


def draw_spans(spans: Iterable[tuple[float, Any, Any]], grid: TimeGrid) -> Hertz:
    """Return Hz (T,), 0 between notes, of (MIDI pitch, start, end) in seconds of the song."""
    hz = np.zeros(grid.frames, np.float32)
    for pitch, start, end in spans:
        first, last = grid.frames_between(float(start), float(end))
        hz[first:last] = midi_to_hz(pitch)
    return hz


def spoken_until(beats: float, grid: TimeGrid) -> NDArray[np.float32]:
    """Return 1 in the frames of the first ``beats`` from where the grid begins, else 0, (T,)."""
    end = float(grid.to_seconds(start_beat(grid) + beats))
    present = np.zeros(grid.frames, np.float32)
    present[: grid.frames_between(grid.start, end)[1]] = 1
    return present


def overlong(beats: float, grid: TimeGrid) -> str:
    """Return why notes that last so many beats have no room on a grid; nothing where they have."""
    room = float(grid.to_beats(grid.start + grid.duration)) - start_beat(grid)
    if beats <= room + SLACK:
        return ""
    whole = grid.start == 0 and abs(grid.duration - grid.song_duration) * grid.frame_rate <= 1
    return f"lasts {beats:.6g} beats, but the {'song' if whole else 'section'} has {room:.4g}"


def melody_scores(
    asked: Hertz, heard: Hertz, voiced: NDArray[np.bool_], heard_voiced: NDArray[np.bool_]
) -> list[Score]:
    """Compare two melodies in Hz (T,): RPA, RCA and OA of mir_eval.melody, within 50 cents.

    The floors are those of a drone on the one pitch that fits most of what was asked, and for the
    overall accuracy that of silence where it is higher.
    """
    from mir_eval import melody

    share = float(voiced.mean())
    if share == 0:  # no melody was asked: right is where none is heard
        return [Score("melody OA", float(1 - heard_voiced.mean()), "share", True, None)]
    want, got = melody.hz2cents(asked.astype(float)), melody.hz2cents(heard.astype(float))
    arrays = voiced.astype(float), want, heard_voiced.astype(float), got
    silent = {"raw_pitch_accuracy": 0.0, "raw_chroma_accuracy": 0.0, "overall_accuracy": 1 - share}
    drone = _drone(want[voiced], np.inf)
    floors = drone, _drone(want[voiced], 1200.0), max(1 - share, drone * share)
    scores = []
    for (name, unheard), short, floor in zip(
        silent.items(), ("RPA", "RCA", "OA"), floors, strict=True
    ):
        figure = float(getattr(melody, name)(*arrays)) if heard_voiced.any() else unheard
        scores.append(Score(f"melody {short}", figure, "share", True, floor))
    return scores


def _drone(cents: NDArray[np.float64], period: float) -> float:
    """Largest share of pitches that one pitch is within 50 cents of, octaves of ``period`` apart.

    With a period, the pitches lie on a circle.
    """
    around = np.sort(cents if np.isinf(period) else cents % period)
    far = around if np.isinf(period) else np.concatenate([around, around + period])
    last = np.searchsorted(far, around + 100.0, "right")
    return float((last - np.arange(len(around))).max() / len(around))
