"""When the sounds of words are heard of which a service times the letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from muze.analysis.lyrics import spread
from muze.analysis.phonemizers import LANGUAGES, read_words
from muze.core.grid import Audio
from muze.core.voices import PhoneSpan, Spoken
from muze_elevenlabs.answers import RATE, Speech

PAUSE = 0.15
"""Seconds of silence between two pieces of a text."""

Letter = tuple[str, float, float]


def joined(parts: Sequence[Speech], language: str) -> Spoken:
    """Return pieces of a text as one, and the times of their sounds.

    A word's sounds are spread over the time of its letters, vowels longest; of a language that
    nobody here reads, none are told.
    """
    silence = np.zeros(round(PAUSE * RATE), np.float32)
    sounds: list[np.ndarray] = []
    spans: list[PhoneSpan] = []
    start = 0.0
    for part in parts:
        if sounds:
            sounds.append(silence)
            start += len(silence) / RATE
        end = start + len(part.samples) / RATE
        if language in LANGUAGES:
            for text, first, last in _words(part.letters):
                spans += _sounds(text, language, start + first, min(start + last, end))
        sounds.append(part.samples)
        start = end
    return Spoken(Audio(np.concatenate(sounds)[None], RATE), tuple(spans))


def _words(letters: Sequence[Letter]) -> Iterator[Letter]:
    """Yield the words that letters spell, each with its start and end in seconds."""
    word: list[Letter] = []
    for letter in (*letters, (" ", 0.0, 0.0)):
        if not letter[0].isspace():
            word.append(letter)
        elif word:
            yield "".join(text for text, _, _ in word), word[0][1], word[-1][2]
            word = []


def _sounds(word: str, language: str, start: float, end: float) -> list[PhoneSpan]:
    if end <= start or not any(letter.isalnum() for letter in word):
        return []
    phones = [phone for read in read_words(word, language) for phone in read.phones]
    if not phones:
        return []
    return [PhoneSpan(str(s.phone), s.start, s.end) for s in spread(phones, start, end)]
