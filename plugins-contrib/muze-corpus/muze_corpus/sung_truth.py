"""What is true of a vocal: its sounds and pitch from moment to moment, vibrato, words, melody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from muze.voice.phrase import SungPhrase
from muze.voice.pitch_curve import Vibrato
from muze.voice.world import PERIOD

from muze_corpus.laying import Laid
from muze_corpus.score import Note, Song

FRAME_RATE = 100
"""Values of ``f0_contour`` a second, each in the middle of its hundredth."""
SHORTEST = 0.01
"""Seconds of a sound that is told; a shorter one is not heard."""


@dataclass(frozen=True)
class Line:
    """A line as it was laid, as it sounds, and with which vibrato."""

    laid: Laid
    sung: SungPhrase
    vibrato: Vibrato

    @property
    def span(self) -> tuple[float, float]:
        """Seconds from its first sound to the end of its last."""
        return self.sung.placed[0].start, self.sung.placed[-1].end


def phoneme_timestamps(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Every sound in order: phoneme, start and end in seconds, and the number of its word."""
    told: list[dict[str, Any]] = []
    words = 0
    for line in lines:
        syllables = line.laid.phrase.line.syllables
        owner = [(phone, s.word) for s in syllables for phone in s.phones]
        first = owner[0][1]
        for (phone, word), part in zip(owner, line.sung.placed, strict=True):
            start, end = round(part.start, 3), round(part.end, 3)
            if end - start >= SHORTEST:
                told.append({"phoneme": str(phone), "start": start, "end": end,
                             "word": words + word - first})  # fmt: skip
        words += owner[-1][1] - first + 1
    return told


def f0_contour(song: Song, lines: Iterable[Line], lead: Iterable[Note]) -> list[float]:
    """Hz a hundred times a second: the voice's where it sings, else the lead's; 0 in rests."""
    frames = int(np.ceil(song.duration * FRAME_RATE - 1e-6))
    middle = (np.arange(frames) + 0.5) / FRAME_RATE
    hz = np.zeros(frames)
    for note in lead:
        start, end = _seconds(song, note)
        hz[(middle >= start) & (middle < end)] = 440 * 2 ** ((note.pitch - 69) / 12)
    for line in lines:
        start, end = line.span
        inside = np.flatnonzero((middle >= start) & (middle < end))
        curve = line.sung.hz
        at = (middle[inside] - line.sung.start) / PERIOD
        low = np.clip(np.floor(at).astype(int), 0, len(curve) - 2)
        before, after, share = curve[low], curve[low + 1], at - low
        both = (before > 0) & (after > 0)
        mean = np.exp((1 - share) * np.log(np.maximum(before, 1e-9))
                      + share * np.log(np.maximum(after, 1e-9)))  # fmt: skip
        hz[inside] = np.where(both, mean, np.where(share < 0.5, before, after))
    return [round(float(x), 1) for x in hz]


def vibrato_spans(song: Song, lines: Sequence[Line]) -> list[dict[str, float]]:
    """Rate, depth and extent in every section that is sung, from its start to its end.

    The extent is the share of what is sung with a pitch that swings for a whole swing at least.
    """
    told = []
    for index, group in groupby(lines, key=lambda line: line.laid.section):
        here = list(group)
        section, vibrato = song.sections[index], here[0].vibrato
        voiced = sum(float((line.sung.hz > 0).sum()) for line in here)
        swinging = sum(_swinging(line) for line in here)
        extent = min(1.0, swinging / max(voiced, 1.0)) if vibrato.depth else 0.0
        start, end = (song.timeline.seconds(bar * song.metre.beats) for bar in
                      (section.start_bar, section.start_bar + section.bars))  # fmt: skip
        swings = extent > 0
        told.append({
            "start": round(start, 3), "end": round(end, 3),
            "rate": round(vibrato.rate * swings, 3), "depth": round(vibrato.depth * swings, 2),
            "extent": round(extent, 3),
        })  # fmt: skip
    return told


def _swinging(line: Line) -> float:
    """Frames with a pitch in which a line's notes swing."""
    at = line.sung.start + np.arange(len(line.sung.hz)) * PERIOD
    total = 0.0
    assert line.vibrato.extent is not None
    for note in line.laid.phrase.notes:
        begins = note.start + (1 - line.vibrato.extent) * (note.end - note.start)
        if (note.end - begins) * line.vibrato.rate >= 1:
            total += float(((at >= begins) & (at < note.end) & (line.sung.hz > 0)).sum())
    return total


def lyrics(song: Song, lines: Sequence[Line]) -> str:
    """The words, a line a line, under the mark of the section that sings them."""
    out = []
    for index, group in groupby(lines, key=lambda line: line.laid.section):
        out += [f"[{song.sections[index].type}]", *(line.laid.text for line in group)]
    return "\n".join(out)


def vocal_notes(lines: Iterable[Line]) -> list[dict[str, float]]:
    """The notes sung: MIDI pitch, start and end in seconds."""
    return [
        {"pitch": int(n.pitch), "start": round(n.start, 3), "end": round(n.end, 3)}
        for line in lines for n in line.laid.phrase.notes
    ]  # fmt: skip


def told_line(line: Line) -> dict[str, Any]:
    """Words, and when they begin and end, in seconds."""
    start, end = line.span
    return {"text": line.laid.text, "start": round(start, 3), "end": round(end, 3)}


def told_span(phrase: SungPhrase) -> list[float]:
    """Seconds from the first sound of a phrase to the end of its last."""
    return [round(phrase.placed[0].start, 3), round(phrase.placed[-1].end, 3)]


def melody(
    song: Song, sung: Sequence[dict[str, float]], lead: Iterable[Note]
) -> list[dict[str, float]]:
    """What is sung, and the lead's notes where nobody sings, in order."""
    told = list(sung)
    for note in lead:
        start, end = _seconds(song, note)
        if not any(start < n["end"] and end > n["start"] for n in sung):
            told.append({"pitch": note.pitch, "start": round(start, 3), "end": round(end, 3)})
    return sorted(told, key=lambda n: n["start"])


def _seconds(song: Song, note: Note) -> tuple[float, float]:
    clock = song.timeline
    return clock.seconds(note.start), clock.seconds(note.start + note.length)
