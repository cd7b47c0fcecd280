"""A melody that is told, shared out among lines and syllables: melismas and split notes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from muze.core.notes import Note
from muze.voice.syllables import Syllable

Seconds = Callable[[float], float]
"""A beat of the song to its second."""

SHORTEST = 0.12
"""Seconds of a note so short that a syllable sung on it is still a syllable."""
MELISMA = 6
"""Notes a syllable may have, in the mean of a line; more is no song of these words."""
REST = 1.5
"""Worth of a beat of rest where a line ends, in notes or syllables left over."""
SPLITS = (1.0, 0.5, 0.25, 1 / 3, 0.125)
"""Beats at whose multiples a note is split, the widest first."""


class MisfitError(ValueError):
    """A line and its notes do not go together; says the numbers."""


def share_out(notes: Sequence[Note], counts: Sequence[int]) -> list[tuple[Note, ...]]:
    """Return the notes of each line, all of them in order; ``counts`` are the lines' syllables.

    Lines end at rests where their numbers of notes and syllables let them. A line may be left
    without notes where there are fewer than lines.
    """
    total = len(notes)
    best = [[math.inf] * (total + 1) for _ in range(len(counts) + 1)]
    back = [[0] * (total + 1) for _ in range(len(counts) + 1)]
    best[0][0] = 0.0
    for line, count in enumerate(counts, 1):
        longest = (MELISMA + 1) * count + total // len(counts)
        for end in range(total + 1):
            for begin in range(max(0, end - longest), end + 1):
                cost = best[line - 1][begin] + _mismatch(end - begin, count)
                cost -= _rest_after(notes, end)
                if cost < best[line][end]:
                    best[line][end], back[line][end] = cost, begin
    if math.isinf(best[-1][total]):  # far more notes than any words could take
        edges = [round(total * at / len(counts)) for at in range(len(counts) + 1)]
    else:
        edges = [total]
        for line in range(len(counts), 0, -1):
            edges.append(back[line][edges[-1]])
        edges.reverse()
    return [tuple(notes[a:b]) for a, b in pairwise(edges)]


def lay(
    notes: Sequence[Note], syllables: Sequence[Syllable], seconds: Seconds
) -> list[tuple[Note, ...]]:
    """Return the notes of each syllable of a line.

    More notes than syllables are melismas, rather on stressed syllables and short notes, never
    across a rest; more syllables than notes split the longest notes at beats and their parts, as
    long as each part lasts ``SHORTEST``.

    Raises:
        MisfitError: too many or too few syllables; says how many there are and how many fit.
    """
    count = len(syllables)
    if len(notes) > MELISMA * count:
        raise MisfitError(
            f"has {_counted(count, 'syllable')}, too few for the {len(notes)} notes of the melody "
            f"there; a syllable is sung on {MELISMA} notes at most"
        )
    if len(notes) < count:
        parted = split(notes, count, seconds)
        if len(parted) < count:
            fit = f"; split into notes of {SHORTEST:g} s they take {len(parted)}" if notes else ""
            raise MisfitError(
                f"has {_counted(count, 'syllable')}, too many for the "
                f"{_counted(len(notes), 'note')} of the melody there{fit}"
            )
        return [(note,) for note in parted]
    return _melismas(notes, syllables)


def split(notes: Sequence[Note], count: int, seconds: Seconds) -> list[Note]:
    """Return notes split into ``count``, or as many as there can be, the longest first."""
    out = list(notes)
    while len(out) < count:
        for index in sorted(range(len(out)), key=lambda at: -out[at].length):
            if (parts := _halves(out[index], seconds)) is not None:
                out[index : index + 1] = parts
                break
        else:
            break
    return out


def _halves(note: Note, seconds: Seconds) -> tuple[Note, Note] | None:
    """Return a note in two at the place nearest its middle on the widest grid that parts it."""
    middle = note.start + note.length / 2
    for step in SPLITS:
        cut = round(middle / step) * step
        if not note.start + 1e-6 < cut < note.end - 1e-6:
            continue
        first, last = seconds(cut) - seconds(note.start), seconds(note.end) - seconds(cut)
        if min(first, last) >= SHORTEST - 1e-6:
            return replace(note, length=cut - note.start), replace(
                note, start=cut, length=note.end - cut
            )
    return None


def _melismas(notes: Sequence[Note], syllables: Sequence[Syllable]) -> list[tuple[Note, ...]]:
    count, total = len(syllables), len(notes)
    best = [[math.inf] * (total + 1) for _ in range(count + 1)]
    back = [[0] * (total + 1) for _ in range(count + 1)]
    best[0][0] = 0.0
    for row, syllable in enumerate(syllables, 1):
        for end in range(row, total + 1):
            for begin in range(row - 1, end):
                cost = best[row - 1][begin] + _sung_on(syllable, notes[begin:end])
                if cost < best[row][end]:
                    best[row][end], back[row][end] = cost, begin
    edges = [total]
    for row in range(count, 0, -1):
        edges.append(back[row][edges[-1]])
    edges.reverse()
    return [tuple(notes[a:b]) for a, b in pairwise(edges)]


def _sung_on(syllable: Syllable, notes: Sequence[Note]) -> float:
    """Return how awkward it is to sing a syllable on notes."""
    stressed = syllable.stress > 0
    on_beat = abs(notes[0].start - round(notes[0].start)) < 1e-6
    cost = 0.0 if stressed == on_beat else 0.3
    for before, note in pairwise(notes):
        rest = note.start - before.end
        cost += (0.4 if stressed else 0.8) * (1 + min(1.0, note.length)) + 4 * min(1.0, rest)
    return cost + 0.05 * len(notes) ** 2  # rather a note more on two syllables than two on one


def _mismatch(num_notes: int, count: int) -> float:
    extra = num_notes - count
    return float(extra) if extra >= 0 else -1.5 * extra


def _rest_after(notes: Sequence[Note], end: int) -> float:
    if not 0 < end < len(notes):
        return 0.0
    return REST * min(2.0, max(0.0, notes[end].start - notes[end - 1].end))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
