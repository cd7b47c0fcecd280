"""Names of chords and keys, read and written in one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import did_you_mean

ROOTS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUALITIES = {
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10),
    "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "dim": (0, 3, 6), "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10), "aug": (0, 4, 8), "sus2": (0, 2, 7), "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10), "9": (0, 2, 4, 7, 10), "maj9": (0, 2, 4, 7, 11), "m9": (0, 2, 3, 7, 10),
    "add9": (0, 2, 4, 7), "madd9": (0, 2, 3, 7), "mmaj7": (0, 3, 7, 11), "5": (0, 7),
}  # fmt: skip
SPELLINGS = {
    "maj": "", "major": "", "M": "", "min": "m", "minor": "m", "-": "m", "min7": "m7", "-7": "m7",
    "M7": "maj7", "major7": "maj7", "dom7": "7", "min6": "m6", "maj6": "6", "o": "dim",
    "o7": "dim7", "°": "dim", "ø": "m7b5", "min7b5": "m7b5", "+": "aug", "sus": "sus4",
    "min9": "m9", "minmaj7": "mmaj7", "mM7": "mmaj7",
}  # fmt: skip
SYMBOL = re.compile(r"([A-G])([#b]?)([^/]*)(?:/([A-G])([#b]?))?")
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10), "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11), "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
}  # fmt: skip
NO_CHORD = "N"


@dataclass(frozen=True)
class Chord:
    """A chord: pitch class of its root (C = 0), quality, and pitch class of its bass."""

    root: int
    quality: str
    bass: int

    @classmethod
    def parse(cls, symbol: str) -> Chord | None:
        """Read ``F#m7b5`` or ``G/B``; None for ``N``; ``ValueError`` for what is no chord."""
        if symbol == NO_CHORD:
            return None
        match = SYMBOL.fullmatch(symbol)
        quality = SPELLINGS.get(match[3], match[3]) if match else ""
        if not match or quality not in QUALITIES:
            known = [root + q for root in ROOTS for q in QUALITIES] if match else []
            hint = did_you_mean(symbol, known)
            raise ValueError(
                f"unknown chord {symbol!r}; write it like C, Am7, F#m7b5, G/B or N{hint}"
            )
        root = pitch_class(match[1] + match[2])
        return cls(root, quality, pitch_class(match[4] + (match[5] or "")) if match[4] else root)

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The pitch classes that sound, the bass included."""
        tones = {(self.root + step) % 12 for step in QUALITIES[self.quality]}
        return tuple(sorted(tones | {self.bass}))

    @property
    def mir_eval(self) -> str:
        """The chord in Harte's notation, as mir_eval reads it (``A:min7``)."""
        name = {
            "": "maj", "m": "min", "m7": "min7", "m6": "min6", "m7b5": "hdim7", "m9": "min9",
            "mmaj7": "minmaj7", "add9": "maj(9)", "madd9": "min(9)", "7sus4": "sus4(b7)",
            "5": "(1,5)", "6": "maj6",
        }.get(self.quality, self.quality)  # fmt: skip
        return f"{ROOTS[self.root]}:{name}"

    def __str__(self) -> str:
        """Return the one spelling muze writes."""
        slash = f"/{ROOTS[self.bass]}" if self.bass != self.root else ""
        return f"{ROOTS[self.root]}{self.quality}{slash}"


@dataclass(frozen=True)
class Key:
    """A key: pitch class of the tonic and mode."""

    tonic: int
    mode: str

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``A minor``, ``F# dorian`` or ``Bb``; ``ValueError`` for what is no key."""
        name, _, mode = text.strip().partition(" ")
        mode = mode.strip().lower().replace(" ", "_").replace("-", "_") or "major"
        mode = {"maj": "major", "min": "minor", "aeolian": "minor", "ionian": "major"}.get(
            mode, mode
        )
        try:
            tonic = pitch_class(name)
        except ValueError:
            tonic = -1
        if tonic < 0 or mode not in MODES:
            hint = did_you_mean(mode, MODES) if tonic >= 0 else "; tonics are A to G with # or b"
            raise ValueError(f"unknown key {text!r}; write it like A minor or F# dorian{hint}")
        return cls(tonic, mode)

    @property
    def index(self) -> int:
        """0-11 major from C, 12-23 minor; a mode goes with its third."""
        return self.tonic + (12 if 3 in MODES[self.mode] else 0)

    @property
    def scale(self) -> tuple[int, ...]:
        """The pitch classes of the scale, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in MODES[self.mode])

    @classmethod
    def of_index(cls, index: int) -> Key:
        """Return the major or minor key of an index 0-23."""
        return cls(index % 12, "minor" if index >= 12 else "major")

    def __str__(self) -> str:
        """Return the one spelling muze writes, ``A minor``."""
        return f"{ROOTS[self.tonic]} {self.mode.replace('_', ' ')}"


def pitch_class(name: str) -> int:
    """``Bb`` to 10; ``ValueError`` for what is no note name."""
    if len(name) not in (1, 2) or name[0] not in LETTERS or name[1:] not in ("", "#", "b"):
        raise ValueError(f"unknown note {name!r}; write it like C, F# or Bb")
    return (LETTERS[name[0]] + {"": 0, "#": 1, "b": -1}[name[1:]]) % 12


def chord_vector(chord: Chord | None) -> NDArray[np.float32]:
    """Root one-hot, pitch-class set, bass one-hot, C = 0, shape (36,); all zeros for no chord."""
    vector = np.zeros(36, np.float32)
    if chord is not None:
        vector[chord.root] = 1
        vector[[12 + p for p in chord.pitch_classes]] = 1
        vector[24 + chord.bass] = 1
    return vector
