"""Notes in beats, and the text a manifest writes them in: ``C4:1 E4:1/2 R:1/2 C4+E4+G4:2``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from muze.core.errors import all_told
from muze.core.theory import LETTERS, ROOTS

VELOCITY = 0.75
"""How hard a note is struck that does not say, from 0 to 1."""
SHORTEST, LONGEST = Fraction(1, 64), Fraction(1024)
"""Beats one note of a text may last."""
MOST_REPEATS, MOST_NOTES = 256, 100_000
LEGATO = 0.25
"""Beats two notes of one voice may overlap: players let a key go late."""
TOGETHER = 1 / 32
"""Beats within which two notes that overlap start together."""
FORM = "write notes like C4:1, Bb3:1/2, F#5:1.5, C4+E4+G4:2, and rests like R:1"

Placed = tuple[int, Fraction, Fraction]
"""MIDI pitch, start and length in beats, exact."""

PITCH = re.compile(r"([A-G])(##|bb|#|b|)(-?\d+)", re.ASCII)
LENGTH = re.compile(r"(\d+)/(\d+)|\d+\.\d+|\.\d+|\d+", re.ASCII)
TOKEN = re.compile(r"\(|\)\S*|[^\s()]+")
REPEAT = re.compile(r"\)(?:x(\d+))?", re.ASCII)


@dataclass(frozen=True)
class Note:
    """One note: MIDI pitch (60 is C4), start and length in beats, velocity, instrument."""

    pitch: float
    start: float
    length: float
    velocity: float = VELOCITY
    program: int | None = None
    """General MIDI program, 0 to 127; None where the instrument is not said."""

    @property
    def end(self) -> float:
        """The beat it ends on."""
        return self.start + self.length


@dataclass(frozen=True)
class Line:
    """Notes in order, and the beats they take, rests at their end included."""

    notes: tuple[Note, ...]
    beats: float


def parse_pitch(name: str) -> int:
    """Read ``Bb3`` as 58; ``ValueError`` for what is no note of MIDI."""
    found = PITCH.fullmatch(name)
    if not found:
        raise ValueError(_no_pitch(name))
    shift = found[2].count("#") - found[2].count("b")
    pitch = 12 * (int(found[3]) + 1) + LETTERS[found[1]] + shift
    if not 0 <= pitch <= 127:
        raise ValueError(f"{name} is no note of MIDI, which has C-1 to G9")
    return pitch


def pitch_name(pitch: float) -> str:
    """Return the nearest note's name, ``A#3`` for 58."""
    octave, step = divmod(round(pitch), 12)
    return f"{ROOTS[step]}{octave - 1}"


def parse_notes(text: str, program: int | None = None) -> Line:
    """Read a line of notes.

    A token is a note, notes that sound together joined by ``+``, or the rest ``R``; after ``:``
    its length in beats, 1 where it is not said. Bar lines ``|`` count for nothing, and
    ``(C4:1 E4:1)x3`` is played three times.

    Raises:
        ValueError: names every token at fault, its place, and what would be right.
    """
    notes: list[Placed] = []
    faults: list[str] = []
    beat, opened = Fraction(0), None
    for number, token in enumerate(TOKEN.findall(text), 1):
        try:
            if token == "(":
                if opened is not None:
                    raise ValueError("one repeat cannot lie inside another")
                opened = len(notes), beat
            elif token[0] == ")":
                beat = _repeat(token, notes, opened, beat)
                opened = None
            elif token != "|":
                pitches, length = _read_token(token)
                notes += [(pitch, beat, length) for pitch in pitches]
                beat += length
            if len(notes) > MOST_NOTES:
                raise ValueError(f"there are more than {MOST_NOTES} notes")
        except ValueError as fault:
            faults.append(f"{_shown(token)}, number {number} in the notes: {fault}")
            opened = None if token[0] == ")" else opened
        if len(notes) > MOST_NOTES:
            break
    if opened is not None:
        faults.append("a ( is never closed; write a repeat like (C4:1 E4:1)x3")
    if faults:
        raise ValueError(all_told(faults))
    if beat == 0:
        raise ValueError(f"holds no notes; {FORM}")
    made = [Note(p, float(start), float(length), program=program) for p, start, length in notes]
    return Line(tuple(made), float(beat))


def format_notes(line: Line) -> str:
    """Write a line as ``parse_notes`` reads it; velocities and instruments are not written.

    Raises:
        ValueError: notes overlap without starting and ending together, or lie between the keys.
    """
    tokens, beat = [], 0.0
    for start, group in itertools.groupby(line.notes, lambda note: note.start):
        chord = list(group)
        if start < beat - 1e-9 or len({note.length for note in chord}) > 1:
            raise ValueError(f"notes {start:g} beats in overlap others; one text cannot say that")
        if any(note.pitch != round(note.pitch) for note in chord):
            raise ValueError(f"a note {start:g} beats in lies between the keys")
        if start > beat + 1e-9:
            tokens.append(f"R:{_length(start - beat)}")
        names = "+".join(pitch_name(note.pitch) for note in chord)
        tokens.append(f"{names}:{_length(chord[0].length)}")
        beat = chord[0].end
    if line.beats > beat + 1e-9:
        tokens.append(f"R:{_length(line.beats - beat)}")
    return " ".join(tokens)


def one_voice(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes in order, each cut where the next begins.

    Raises:
        ValueError: some sound at once, as in no one voice; names each two.
    """
    ordered = sorted(notes, key=lambda note: note.start)
    out, faults = [], []
    for note, after in itertools.pairwise(ordered):
        over = note.end - after.start
        together = over > 1e-9 and after.start - note.start < TOGETHER
        if together or over > LEGATO:
            both = f"{pitch_name(note.pitch)} and {pitch_name(after.pitch)}"
            faults.append(
                f"{both} sound together {after.start:g} beats in; a melody has one note at a time"
            )
        out.append(replace(note, length=min(note.length, after.start - note.start)))
    if faults:
        raise ValueError(all_told(faults))
    return (*out, *ordered[-1:])


def check_range(notes: Sequence[Note], lowest: int, highest: int) -> None:
    """Raise ``ValueError`` for notes outside two MIDI pitches; names each."""
    faults = [
        f"{pitch_name(note.pitch)}, {note.start:g} beats in, lies outside "
        f"{pitch_name(lowest)} to {pitch_name(highest)}"
        for note in notes
        if not lowest <= note.pitch <= highest
    ]
    if faults:
        raise ValueError(all_told(faults))


def _read_token(token: str) -> tuple[list[int], Fraction]:
    """Pitches of a token, none for a rest, and its length."""
    names, colon, told = token.partition(":")
    length = Fraction(1)
    if colon:
        found = LENGTH.fullmatch(told)
        if not found or (found[2] and int(found[2]) == 0):
            raise ValueError(f"{told!r} is no length in beats; {FORM}")
        length = Fraction(told)
        if not SHORTEST <= length <= LONGEST:
            raise ValueError(f"a note lasts {SHORTEST} to {LONGEST} beats, not {told}")
    if names == "R":
        return [], length
    pitches = [parse_pitch(name) for name in names.split("+")]
    if len(set(pitches)) < len(pitches):
        raise ValueError("the same note is there twice")
    return pitches, length


def _repeat(
    token: str, notes: list[Placed], opened: tuple[int, Fraction] | None, beat: Fraction
) -> Fraction:
    """Append what stands since the bracket once more for each further time; return the beat."""
    found = REPEAT.fullmatch(token)
    if opened is None or not found:
        raise ValueError("write a repeat like (C4:1 E4:1)x3")
    times = int(found[1] or 1)
    if not 1 <= times <= MOST_REPEATS:
        raise ValueError(f"a repeat is played 1 to {MOST_REPEATS} times")
    (first, start), once = opened, notes[opened[0] :]
    if len(once) * times + first > MOST_NOTES:
        raise ValueError(f"there are more than {MOST_NOTES} notes")
    for turn in range(1, times):
        notes += [(pitch, at + turn * (beat - start), length) for pitch, at, length in once]
    return beat + (times - 1) * (beat - start)


def _length(beats: float) -> str:
    short = Fraction(beats).limit_denominator(960)
    return str(short) if abs(float(short) - beats) < 1e-9 else repr(round(beats, 9))


def _no_pitch(name: str) -> str:
    if name[:1].upper() in LETTERS and PITCH.fullmatch(fixed := name[:1].upper() + name[1:]):
        return f"{name!r} is no note; did you mean {fixed!r}?"
    if name == "r":
        return "'r' is no note; did you mean the rest 'R'?"
    if name[:1] in LETTERS and not re.search(r"\d", name):
        return f"{name!r} lacks its octave; {FORM}"
    return f"{name!r} is no note; {FORM}"


def _shown(token: str) -> str:
    return repr(token if len(token) <= 24 else f"{token[:24]}…")
