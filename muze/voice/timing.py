"""When each stretch of the speech is sung: vowels begin on their notes and are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muze.voice.score import SungSyllable
from muze.voice.spoken import Piece, SpokenSyllable

Times = NDArray[np.float64]

MOST_CONSONANTS = 0.5
"""Share of the time between two vowels' onsets that consonants may take."""
SHORTEST_VOWEL = 0.07
"""Seconds a vowel lasts at least, where its note has them."""
HURRIED = 0.08
"""Seconds that the sounds before the first vowel take of a song that begins with it."""
PAUSE = 0.12
"""Seconds between two notes from which the first ends by itself."""
ENTRY, EXIT = 0.06, 0.05
"""Seconds at both ends of a vowel that are sung as they were said: there its neighbours are."""
STEADY = 0.03
"""Seconds of a vowel's steadiest part that are gone over and over while it is held."""


@dataclass(frozen=True)
class Placed:
    """A stretch of speech and when it is sung, in seconds; a held one is a vowel."""

    piece: Piece
    start: float
    end: float
    held: bool
    glides: bool = False


def place(spoken: Sequence[SpokenSyllable], sung: Sequence[SungSyllable]) -> list[Placed]:
    """Return when each piece is sung, in order.

    A syllable's vowel begins with its first note; what is before it, and the end of the syllable
    before, are sung in the time before that. Consonants last as long as they were said, unless
    they would take too much of the time between two vowels.
    """
    out: list[Placed] = []
    first = spoken[0].onset
    lead = sum(piece.length for piece in first)
    begin = sung[0].start
    if begin < lead:  # the song has not begun: its first sounds are hurried, the vowel may wait
        lead, begin = min(lead, max(begin, HURRIED)), max(begin, min(lead, HURRIED))
    out += _run(first, begin - lead, lead / max(1e-9, sum(piece.length for piece in first)))
    for index, (said, syllable) in enumerate(zip(spoken, sung, strict=True)):
        after = index + 1
        joined = after < len(sung) and sung[after].start - syllable.end < PAUSE
        onset = spoken[after].onset if after < len(spoken) else ()
        if joined:
            room = sung[after].start - syllable.start
            between = (*said.coda, *onset)
        else:
            room = syllable.end - syllable.start
            between = said.coda
        wanted = sum(piece.length for piece in between)
        most = max(0.0, min(MOST_CONSONANTS * room, room - SHORTEST_VOWEL))
        scale = min(1.0, most / wanted) if wanted else 1.0
        close = syllable.start + room - scale * wanted
        opens = begin if index == 0 else syllable.start
        out.append(Placed(said.vowel, opens, max(close, opens), True, said.glides))
        out += _run(between, close, scale)
        if not joined and after < len(sung):
            length = sum(piece.length for piece in onset)
            free = sung[after].start - (syllable.start + room)
            fit = min(1.0, free / length) if length else 1.0
            out += _run(onset, sung[after].start - fit * length, fit)
    return out


def _run(pieces: Sequence[Piece], start: float, scale: float = 1.0) -> list[Placed]:
    out = []
    for piece in pieces:
        end = start + scale * piece.length
        out.append(Placed(piece, start, end, False))
        start = end
    return out


def source_times(at: Times, placed: Placed, steadiest: float) -> Times:
    """Return the moments of the speech that are sung ``at`` times within a placed piece.

    A vowel sung longer than it was said is held where it is steadiest, on ``STEADY`` seconds
    forth and back; its ends are as they were said.
    """
    piece, share = placed.piece, (at - placed.start) / max(placed.end - placed.start, 1e-9)
    if not placed.held or placed.end - placed.start <= piece.length:
        return piece.start + share * piece.length
    half = min(STEADY / 2, piece.length / 4)
    middle = min(max(steadiest, piece.start + half), piece.end - half)
    low, high = middle - half, middle + half
    since, left = at - placed.start, placed.end - at
    hold = high - np.abs((since - (low - piece.start)) % (4 * half) - 2 * half)
    opening, closing = low - piece.start, piece.end - high
    out = np.where(since < opening, piece.start + since, hold)
    return np.where(left < closing, piece.end - left, out)
