"""What is usual in a style: tempo, key and harmony where nothing names them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random

from muze.core.theory import QUALITIES, ROOTS, Chord, Key
from muze.pipelines.words import named_genres

MAJOR, MINOR = ("major",), ("minor",)
MIXED = ("major", "minor")


@dataclass(frozen=True)
class Style:
    """What is usual in a genre: BPM from and to, modes, form, and sevenths or triads."""

    tempo: tuple[int, int]
    modes: tuple[str, ...] = MIXED
    template: str = "verse_chorus"
    sevenths: bool = False
    time_signature: str = "4/4"


STYLES = {
    "rock": Style((105, 145)), "pop": Style((95, 125)), "punk": Style((150, 180), MAJOR),
    "indie": Style((100, 135)), "metal": Style((110, 165), ("minor", "phrygian")),
    "house": Style((120, 128), MINOR, "build_drop", True),
    "techno": Style((126, 138), MINOR, "build_drop"),
    "trance": Style((132, 140), MINOR, "build_drop"),
    "dubstep": Style((138, 142), MINOR, "build_drop"),
    "drum and bass": Style((168, 176), MINOR, "build_drop"),
    "electronic": Style((110, 128), MINOR, "build_drop"),
    "synthwave": Style((90, 120), MINOR), "disco": Style((112, 124), MINOR, sevenths=True),
    "lo-fi hip hop": Style((70, 88), MIXED, "loop", True),
    "hip hop": Style((84, 98), MINOR, "loop"), "trap": Style((68, 80), MINOR, "loop"),
    "r&b": Style((66, 96), MINOR, sevenths=True), "soul": Style((76, 108), MIXED, sevenths=True),
    "funk": Style((98, 116), ("dorian", "mixolydian"), sevenths=True),
    "jazz": Style((110, 170), MIXED, "aaba", True),
    "bossa nova": Style((115, 140), MIXED, "aaba", True),
    "latin": Style((95, 125), MINOR), "reggae": Style((70, 88)), "ska": Style((120, 150), MAJOR),
    "blues": Style((72, 112), ("mixolydian", "minor"), "aaba", True),
    "folk": Style((84, 120), MAJOR), "country": Style((95, 140), MAJOR),
    "celtic": Style((92, 116), ("dorian", "major"), "aaba", time_signature="6/8"),
    "gospel": Style((70, 100), MAJOR, sevenths=True), "ballad": Style((62, 80)),
    "ambient": Style((62, 84), ("major", "lydian"), "through_composed"),
    "new age": Style((62, 84), ("major", "lydian"), "through_composed"),
    "classical": Style((76, 126), MIXED, "through_composed"),
    "cinematic": Style((74, 120), MINOR, "through_composed"),
    "waltz": Style((96, 160), MIXED, "aaba", time_signature="3/4"),
    "chiptune": Style((120, 160), MIXED, "loop"),
}  # fmt: skip
"""By genre; the names are those of the genre stream."""
SPELLINGS = {
    "lofi": "lo-fi hip hop", "lo-fi": "lo-fi hip hop", "chillhop": "lo-fi hip hop",
    "dnb": "drum and bass", "bossa": "bossa nova", "edm": "electronic", "rnb": "r&b",
    "orchestral": "cinematic", "soundtrack": "cinematic", "hip-hop": "hip hop", "swing": "jazz",
    "retrowave": "synthwave", "irish": "celtic", "lullaby": "waltz", "jig": "celtic",
}  # fmt: skip
UNKNOWN_STYLE = Style((92, 126))

SLOW = {"slow", "calm", "sleepy", "gentle", "relaxing", "relaxed", "peaceful", "dreamy", "tender"}
FAST = {"fast", "driving", "energetic", "frantic", "upbeat", "lively", "urgent", "racing"}
DARK = {"sad", "dark", "melancholy", "melancholic", "moody", "brooding", "tense", "sombre", "eerie",
        "menacing", "lonely", "mysterious"}  # fmt: skip
BRIGHT = {"happy", "joyful", "cheerful", "sunny", "uplifting", "playful", "optimistic"}

PROGRESSIONS = {
    "major": ((1, 5, 6, 4), (1, 6, 4, 5), (6, 4, 1, 5), (1, 4, 6, 5), (1, 3, 4, 5), (2, 5, 1, 6)),
    "minor": ((1, 6, 3, 7), (1, 4, 6, 7), (1, 7, 6, 7), (1, 6, 7, 5), (1, 3, 7, 4), (6, 7, 1, 1)),
    "dorian": ((1, 4, 1, 4), (1, 7, 4, 1), (1, 2, 3, 4)),
    "phrygian": ((1, 2, 1, 7), (1, 2, 3, 2)),
    "lydian": ((1, 2, 1, 2), (1, 2, 6, 5)),
    "mixolydian": ((1, 7, 4, 1), (1, 4, 7, 4)),
    "harmonic_minor": ((1, 4, 5, 1), (1, 6, 4, 5)),
}
"""By mode: scale degrees, one a bar."""


def style_of(prompt: str, genres: list[str]) -> Style:
    """Return the style of the first genre known, of those given and then of the prompt's words."""
    for name in [*genres, *named_genres(prompt, _style_name)]:
        if name in STYLES:
            return STYLES[name]
    return UNKNOWN_STYLE


def _style_name(name: str) -> str | None:
    found = SPELLINGS.get(name, name)
    return found if found in STYLES else None


def usual_bpm(style: Style, prompt: str, seed: int) -> float:
    """Return a tempo from the style's range; slow and fast words choose the half of it."""
    low, high = style.tempo
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    middle = (low + high) // 2
    if words & SLOW and not words & FAST:
        high = middle
    elif words & FAST and not words & SLOW:
        low = middle
    return float(Random(f"{seed} tempo").randint(low, high))


def usual_key(style: Style, prompt: str, seed: int) -> str:
    """Return a key in one of the style's modes; bright and dark words choose among them."""
    rng = Random(f"{seed} key")
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    modes = list(style.modes)
    if words & DARK and not words & BRIGHT:
        modes = [mode for mode in modes if _is_minor(mode)] or ["minor"]
    elif words & BRIGHT and not words & DARK:
        modes = [mode for mode in modes if not _is_minor(mode)] or ["major"]
    mode = rng.choice(modes)
    return f"{ROOTS[rng.randrange(12)]} {mode}"


def usual_progression(key: Key, style: Style, section: str, seed: int) -> list[str]:
    """Return four chords of the key, one a bar; the same for every section of one type."""
    rng = Random(f"{seed} chords {section}")
    degrees = rng.choice(PROGRESSIONS[key.mode])
    return [diatonic_chord(key, degree, style.sevenths) for degree in degrees]


def diatonic_chord(key: Key, degree: int, seventh: bool) -> str:
    """Return the chord on a degree (from 1) of the key's scale, thirds stacked."""
    notes = [key.scale[(degree - 1 + third) % 7] for third in (0, 2, 4, 6)]
    steps = tuple((note - notes[0]) % 12 for note in notes)
    for wanted in (steps, steps[:3]) if seventh else (steps[:3],):
        for quality, tones in QUALITIES.items():
            if tones == wanted:
                return str(Chord(notes[0], quality, notes[0]))
    raise AssertionError(f"no chord stands on degree {degree} of {key}")


def chords_by_bar(
    progression: list[str], beats_per_chord: float | None, num_bars: int, beats_per_bar: int
) -> list[str]:
    """Return what sounds in each bar of a section, where a progression starts anew."""
    each = beats_per_chord or beats_per_bar
    rows = []
    for number in range(num_bars):
        # the chords whose beats the bar touches
        first = int(number * beats_per_bar / each + 1e-6)
        last = math.ceil((number + 1) * beats_per_bar / each - 1e-6)
        names = [str(progression[turn % len(progression)]) for turn in range(first, last)]
        rows.append(" ".join(dict.fromkeys(names)))
    return rows


def _is_minor(mode: str) -> bool:
    return Key(0, mode).index >= 12
