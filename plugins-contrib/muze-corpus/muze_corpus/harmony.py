"""Chords, degrees, modes; progressions by degree and free walks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus4": (0, 5, 7), "sus2": (0, 2, 7),
    "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9),
}  # fmt: skip

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10), "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10), "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}  # fmt: skip

# Degrees are counted from the major scale; lower case is minor; "/3" inverts, "/1" is a tonic
# pedal; ":2" lasts two bars and ":h" half a bar.
PROGRESSIONS: dict[str, tuple[str, ...]] = {
    "major": (
        "I V vi IV", "I vi IV V", "vi IV I V", "I IV V IV", "I IV I V", "I iii IV V", "ii V I:2",
        "I V/3 vi IV", "IV V iii vi", "I vi ii V", "I IV vi V", "I I/3 IV V", "IV I V vi",
        "I II7 IV I", "I III7 vi IV", "I bVII IV I", "I V ii IV", "vi V IV V", "IV iv I:2",
        "I:2 IV:2", "I:h V/3:h vi IV:h V:h vi", "iii vi ii V", "I VI7 ii V7", "I bVI bVII I",
        "I v IV iv", "I Io ii V", "ii iii IV V", "I:2 V:2", "I Iaug I6 I7 IV iv I V",
        "I V vi iii IV I IV V", "I IV iii VI7 ii V I:2", "IV:h V:h I vi:h V:h IV", "vi ii V I",
        "I bIII IV I", "I iii bIII ii", "I Vsus4:h V:h vi IV", "IV I/3 ii I", "I:2 ii:2",
    ),
    "minor": (
        "i bVI bIII bVII", "i iv v i", "i bVII bVI V7", "i bVI iv v", "i bIII bVII iv", "i iv bVII bIII",
        "i bVII bVI bVII", "i:2 bVI:2", "i v bVI bVII", "i iv bVI V", "bVI bVII i:2", "i bVI bVII i",
        "iiø V7 i:2", "i i/3 iv V7", "iv bVII bIII bVI", "i iv i V7", "i bIII iv bVI", "bVI bIII bVII i",
        "i:2 iv:2", "i v iv v", "i bVII iv i", "i:h bVII:h bVI iv:h V:h i", "bVI:2 i:2",
        "i iv bVII bIII bVI iiø V7 i", "i III7 bVI bVII", "i bVII/1 bVI/1 i", "bIII bVII i iv",
        "i bIII bVI bVII", "iv i V7 i", "i bII V7 i", "i vo bVI V", "iv v bVI bVII",
    ),
    "dorian": ("i IV i IV", "i IV", "i:2 IV:2", "i bVII IV i", "i ii bIII IV", "i v IV i", "i7 ii7",
               "i bIII IV bVII", "i IV bVII i", "i ii i bVII", "i IV v i", "bVII IV i:2"),
    "mixolydian": ("I bVII IV I", "I bVII", "I v IV I", "I:2 bVII:2", "I IV bVII IV", "I bVII ii IV",
                   "I v bVII IV", "I bVII vi IV", "IV bVII I:2", "I7 bVII7 IV7 I7", "I vi bVII I"),
    "phrygian": ("i bII", "i bII bIII bII", "i:2 bII:2", "i bVII bII i", "i iv bII i", "bII i bVII i",
                 "i bII bVI i", "i bIII bII i", "i bvii bII i"),
    "lydian": ("I II", "I:2 II:2", "I II vi I", "I II/1 I II", "I vii II I", "I V II I", "I iii II vi",
               "vi II I II", "I II iii II"),
    "harmonic minor": ("i V7", "i iv V7 i", "i bVI V7 i", "i iiø V7 i", "i:2 V7:2", "i VIIo i V7",
                       "i iv bVI V7", "i bIIIaug bVI V7", "iv i V7 i", "bVI iv V7 i"),
}  # fmt: skip
BLUES = ("I7:4 IV7:2 I7:2 V7 IV7 I7 V7", "I7 IV7 I7:2 IV7:2 I7:2 V7 IV7 I7 V7", "I7:2 IV7:2",
         "i7:4 iv7:2 i7:2 bVI7 V7 i7:2", "I7 IV7 I7 V7", "I7:4 IV7:2 I7 VI7 ii7 V7 I7 V7")  # fmt: skip

_ROMAN = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_DEGREE = re.compile(r"([b#]?)([IViv]+)(maj7|m7b5|sus4|sus2|aug|7|6|o|ø)?(?:/(\d))?(?::(\d|h))?$")


@dataclass(frozen=True)
class Chord:
    """A chord with absolute root and bass pitch classes."""

    root: int
    quality: str
    bass: int

    @property
    def name(self) -> str:
        """The one spelling, such as F#m7b5 or G/B."""
        slash = "" if self.bass == self.root else f"/{NAMES[self.bass]}"
        return f"{NAMES[self.root]}{self.quality}{slash}"

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes, root first."""
        return tuple((self.root + i) % 12 for i in QUALITIES[self.quality])


@dataclass(frozen=True)
class Degree:
    """A chord relative to the tonic, with its length in bars."""

    offset: int
    quality: str
    bass: int  # semitones above the tonic
    bars: float = 1.0

    @property
    def key(self) -> str:
        """Degree and quality, as the hold-out rule reads them."""
        return f"{self.offset}:{self.quality or 'maj'}"

    def chord(self, tonic: int) -> Chord:
        """The chord in a key."""
        return Chord((tonic + self.offset) % 12, self.quality, (tonic + self.bass) % 12)


def parse_progression(text: str) -> list[Degree]:
    """The degrees that a line of the table says."""
    out = []
    for word in text.split():
        m = _DEGREE.match(word)
        assert m, word
        accidental, roman, suffix, slash, bars = m.groups()
        offset = (_ROMAN[roman.upper()] + {"b": -1, "#": 1, "": 0}[accidental]) % 12
        quality = {"o": "dim", "ø": "m7b5", None: ""}.get(suffix, suffix)
        if roman.islower() and quality in ("", "7", "6"):
            quality = "m" + quality
        tones = QUALITIES[quality]
        bass = 0 if slash == "1" else offset
        if slash in ("3", "5", "7"):
            bass = (offset + tones[("3", "5", "7").index(slash) + 1]) % 12
        out.append(Degree(offset, quality, bass, 0.5 if bars == "h" else float(bars or 1)))
    return out


def _seventh(d: Degree, scale: Sequence[int], sixth: bool) -> str:
    """The quality of a triad coloured by what its mode allows above it."""
    has = {i for i in range(12) if (d.offset + i) % 12 in scale}
    if d.quality == "":
        if sixth and 9 in has:
            return "6"
        return "maj7" if 11 in has and d.offset != 7 else "7" if 10 in has else "maj7"
    if d.quality == "m":
        return "m6" if sixth and 9 in has else "m7"
    return "m7b5" if d.quality == "dim" and 10 in has else d.quality


def coloured(
    loop: Sequence[Degree], mode: str, sevenths: float, rng: np.random.Generator
) -> list[Degree]:
    """The loop with sevenths, suspensions, inversions or a secondary dominant added by chance."""
    scale = MODES[mode]
    everywhere = rng.random() < sevenths
    out: list[Degree] = []
    for d in loop:
        if everywhere and rng.random() < 0.85:
            d = replace(d, quality=_seventh(d, scale, bool(rng.random() < 0.12)))
        elif d.quality in ("", "m") and rng.random() < 0.07:
            d = replace(d, quality="sus4" if rng.random() < 0.5 else "sus2")
        if d.bass == d.offset and d.quality in ("", "m") and rng.random() < 0.1:
            third = QUALITIES[d.quality][1 if rng.random() < 0.7 else 2]
            d = replace(d, bass=(d.offset + third) % 12)
        out.append(d)
    if len(out) > 2 and rng.random() < 0.15:
        i = int(rng.integers(len(out) - 1))
        target, here = out[i + 1], out[i]
        if here.bars == 1.0 and target.quality[:3] not in ("dim", "aug", "m7b"):
            root = (target.offset + 7) % 12
            out[i : i + 1] = [replace(here, bars=0.5), Degree(root, "7", root, 0.5)]
    return out


_FREE = {"": 22, "m": 22, "7": 10, "maj7": 12, "m7": 14, "sus4": 5, "sus2": 4, "dim": 2, "m7b5": 3,
         "aug": 2, "6": 3, "m6": 3}  # fmt: skip


def free_loop(rng: np.random.Generator) -> list[Degree]:
    """Four to eight chords over any roots: a walk, chromatic mediants, or one quality moved about."""
    kind = rng.choice(["walk", "mediants", "planing"], p=[0.65, 0.2, 0.15])
    names, weights = list(_FREE), np.array(list(_FREE.values()), dtype=float)
    fixed = str(rng.choice(["", "m", "maj7", "m7", "7", "sus2"]))
    root, out = int(rng.integers(12)), []
    for _ in range(int(rng.choice([3, 4, 4, 5, 6, 8]))):
        quality = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        if kind == "mediants":
            quality, step = str(rng.choice(["", "m"])), int(rng.choice([3, 4, 8, 9]))
        else:
            step = int(rng.integers(1, 12))
        quality = fixed if kind == "planing" else quality
        tones = QUALITIES[quality]
        inverted = tones[int(rng.integers(1, 3))] if rng.random() < 0.1 else 0
        bars = float(rng.choice([1, 1, 1, 1, 2, 0.5]))
        d = Degree(root, quality, (root + inverted) % 12, bars)
        out += [d]
        root = (root + step) % 12
        if bars == 0.5:  # halves come in pairs, so that bars stay whole
            out += [Degree(root, quality, root, 0.5)]
            root = (root + step) % 12
    return out


_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def best_key(chords: Sequence[tuple[Chord, float]]) -> tuple[int, str]:
    """Tonic and mode that fit weighted chords best (Krumhansl and Kessler 1982)."""
    histogram = np.zeros(12)
    for chord, weight in chords:
        for k, tone in enumerate(chord.tones):
            histogram[tone] += weight * (1.5 if k == 0 else 1.0)
    scores = [
        (float(np.corrcoef(np.roll(profile, t), histogram)[0, 1]), t, mode)
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for t in range(12)
    ]
    _, tonic, mode = max(scores)
    return tonic, mode


def scale_over(chord: Chord, scale: frozenset[int]) -> frozenset[int]:
    """The scale bent to the chord: chord tones, and scale tones that do not rub against them."""
    tones = frozenset(chord.tones)
    foreign = tones - scale
    return tones | frozenset(p for p in scale if not {(p + 1) % 12, (p - 1) % 12} & foreign)


def voicing(chord: Chord, low: int, voices: int, previous: Sequence[int]) -> list[int]:
    """Pitches from low upwards holding every chord tone, nearest to the previous voicing."""
    tones = list(chord.tones)
    best: list[int] = []
    best_cost = float("inf")
    for start in range(len(tones)):
        for octave in (0, 12):
            p = low + (tones[start] - low) % 12 + octave
            pitches = [p]
            for k in range(1, max(voices, len(tones))):
                tone = tones[(start + k) % len(tones)]
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            centre = float(np.mean(pitches))
            cost = abs(centre - (low + 10)) * (0.5 if previous else 1.0)
            if previous:
                cost += float(np.mean([min(abs(q - r) for r in previous) for q in pitches]))
            if cost < best_cost:
                best, best_cost = pitches, cost
    return best
