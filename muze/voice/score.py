"""What is to be sung: syllables on notes, in beats and in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muze.analysis.melody import draw_spans
from muze.core.grid import TimeGrid
from muze.voice.syllables import SungLine


@dataclass(frozen=True)
class SungNote:
    """MIDI pitch, and start and end in seconds of the song."""

    pitch: float
    start: float
    end: float


@dataclass(frozen=True)
class SungSyllable:
    """The notes of one syllable in order; several are a melisma on its vowel."""

    notes: tuple[SungNote, ...]

    @property
    def start(self) -> float:
        """When its vowel is to begin."""
        return self.notes[0].start

    @property
    def end(self) -> float:
        """When it is to be over."""
        return self.notes[-1].end


@dataclass(frozen=True)
class Phrase:
    """A line of words, and the notes of each of its syllables."""

    line: SungLine
    sung: tuple[SungSyllable, ...]

    def __post_init__(self) -> None:
        """Refuse a phrase whose words and notes do not go together."""
        assert len(self.line.syllables) == len(self.sung)

    @property
    def start(self) -> float:
        """When its first vowel is to begin."""
        return self.sung[0].start

    @property
    def end(self) -> float:
        """When it is to be over."""
        return self.sung[-1].end

    @property
    def notes(self) -> tuple[SungNote, ...]:
        """All its notes in order."""
        return tuple(note for syllable in self.sung for note in syllable.notes)


def asked_hz(phrases: Iterable[Phrase], grid: TimeGrid) -> NDArray[np.float32]:
    """Return the melody asked for in Hz, 0 in rests, at each frame of a grid, (T,)."""
    notes = [note for phrase in phrases for note in phrase.notes]
    return draw_spans([(note.pitch, note.start, note.end) for note in notes], grid)


def onsets(phrases: Sequence[Phrase]) -> list[float]:
    """Return when the vowels of all syllables are to begin, in seconds of the song."""
    return [syllable.start for phrase in phrases for syllable in phrase.sung]
