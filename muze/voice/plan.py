"""What a plan keeps of who sings: every syllable and its notes, so that it is sung so again."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from muze.analysis.phonemes import read_ipa
from muze.core.grid import TimeGrid
from muze.core.settings import Settings
from muze.voice.score import Phrase, SungNote, SungSyllable
from muze.voice.syllables import SungLine, Syllable

Delivery = Literal["sung", "spoken", "rap"]
LOWEST, HIGHEST = 36, 88
"""MIDI pitches a voice sings, C2 to E6."""


class NotePlan(Settings):
    """A note of a syllable, in beats of the song."""

    pitch: float | None = Field(ge=LOWEST, le=HIGHEST, description="MIDI; None where it is said.")
    beat: float = Field(ge=0)
    length: float = Field(gt=0)


class SyllablePlan(Settings):
    """A syllable, and what it is sung on."""

    ipa: str = Field(min_length=1, description="Its sounds.")
    word: int = Field(ge=0, description="Which of the line's words it is of, from 0.")
    stress: int = Field(ge=0, le=2)
    notes: tuple[NotePlan, ...] = Field(min_length=1)

    @field_validator("ipa")
    @classmethod
    def _check_ipa(cls, ipa: str) -> str:
        if not any(phone.sung for phone in read_ipa(ipa)):
            raise ValueError(f"{ipa!r} has no sound that can be sung")
        return ipa


class LinePlan(Settings):
    """A line of lyrics in one section."""

    text: str = Field(min_length=1)
    section: int = Field(ge=0, description="Which section sings it, from 0.")
    words: tuple[str, ...] = Field(min_length=1)
    syllables: tuple[SyllablePlan, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_order(self) -> LinePlan:
        notes = [note for syllable in self.syllables for note in syllable.notes]
        for before, note in pairwise(notes):
            if note.beat < before.beat + before.length - 1e-3:
                raise ValueError(f"{self.text!r} has two notes at once, at beat {note.beat:g}")
        if any(syllable.word >= len(self.words) for syllable in self.syllables):
            raise ValueError(f"{self.text!r} has syllables of words that it has not")
        return self

    def phrase(self, grid: TimeGrid) -> Phrase:
        """Return it in seconds of the song."""
        syllables, sung, last = [], [], -1
        for told in self.syllables:
            phones = read_ipa(told.ipa)
            nucleus = next(at for at, phone in enumerate(phones) if phone.sung)
            syllables.append(Syllable(phones, told.word, told.word != last, nucleus, told.stress))
            last = told.word
            sung.append(SungSyllable(tuple(_in_seconds(note, grid) for note in told.notes)))
        return Phrase(SungLine(self.text, self.words, tuple(syllables)), tuple(sung))


class VibratoPlan(Settings):
    """The swing of held notes."""

    rate: float = Field(gt=0, description="Hz.")
    depth: float = Field(ge=0, description="Cents to either side.")
    extent: float | None = Field(None, description="Share of a note that swings; None as usual.")


class EffectsPlan(Settings):
    """What is done to the voice and to the music beneath it."""

    de_ess: float = Field(description="dB by which hisses are held down at most.")
    reverb: float = Field(description="Share of the voice that is sent to a room.")
    duck: float = Field(description="dB by which the music gives way while the voice sounds.")


class VoicePlan(Settings):
    """Who sings what, and how."""

    backend: str
    voice: str
    language: str
    about: str = Field(description="What speaks, as the backend says.")
    delivery: Delivery
    melody: str = Field(description="Where the notes are from: composed, told or heard, and where.")
    vibrato: VibratoPlan
    breaths: Literal["auto"] | tuple[float, ...] = Field(description="Seconds, or before phrases.")
    level: float = Field(description="LU of the voice above the music.")
    effects: EffectsPlan | None
    lines: tuple[LinePlan, ...] = Field(min_length=1)
    consent: str | None = Field(None, description="Id of the consent of whoever was cloned.")
    separator: str | None = Field(
        None, description="What takes the voice out of the recordings of whoever is cloned first."
    )

    def phrases(self, grid: TimeGrid) -> list[Phrase]:
        """Return its lines in seconds of the song."""
        return [line.phrase(grid) for line in self.lines]


def _in_seconds(note: NotePlan, grid: TimeGrid) -> SungNote:
    start, end = (float(s) for s in grid.to_seconds([note.beat, note.beat + note.length]))
    return SungNote(0.0 if note.pitch is None else note.pitch, start, end)
