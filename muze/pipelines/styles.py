"""What a prompt's words say about tempo, metre, key and harmony where the manifest is silent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from muze.core.theory import QUALITIES, ROOTS, Chord, Key

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
MOOD_NOT_GENRE = {"musical", "film", "romantic", "swing", "experimental", "house band"}
"""Words of the genre vocabulary that in a prompt more often mean something else."""
LONGEST_GENRE = 3
"""Words in the longest name of a genre: lo-fi hip hop."""

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

BPM = re.compile(r"(\d+(?:\.\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)
KEY = re.compile(
    r"\b([A-G])(?:([#b])|[ -](sharp|flat))?[ -]"
    r"(major|minor|dorian|phrygian|lydian|mixolydian|harmonic minor)\b"
)
METRE = re.compile(r"(?<![\d/.])(?:[234]/4|5/4|[679]/8|12/8)(?![\d/])")
"""The time signatures in use; 1/4 and 2/3 are other things."""
OPENS = re.compile(r"(^|[,;:.(|])\s*$")
CLOSES = re.compile(r"\s*($|[,;:.)|])")
KEY_BEFORE = re.compile(r"\b(in|key( of)?:?)\s+$", re.IGNORECASE)
KEY_AFTER = re.compile(r"\s+(key|scale|tonality)\b", re.IGNORECASE)
METRE_BEFORE = re.compile(r"\b(in|metre|meter|time|signature):?\s+(an?\s+)?$", re.IGNORECASE)
METRE_AFTER = re.compile(
    r"[\s-]+(time|metre|meter|signature|beats?|rhythm|groove|feel|swing|shuffle|waltz)\b",
    re.IGNORECASE,
)
MEASURE_AFTER = re.compile(
    r"[\s-]*(inch(es)?|speed|sized?|length|violin|viola|cello)\b", re.IGNORECASE
)
"""What makes a time signature the size of something: 7/8 inch, a 4/4 cello."""
THREE = re.compile(r"\b(waltz|waltzing|lullaby)\b", re.IGNORECASE)
SIX = re.compile(r"\b(jig|tarantella)\b", re.IGNORECASE)


def asked_bpm(prompt: str) -> float | None:
    """Return the tempo a prompt names outright, as in ``120 bpm``."""
    found = BPM.search(prompt)
    return float(found[1]) if found else None


def asked_key(prompt: str) -> str | None:
    """Return the key a prompt names outright, as in ``in F sharp minor``.

    ``A major`` may be an article with its adjective: it needs a word like ``in``, or to stand
    between commas.
    """
    for found in KEY.finditer(prompt):
        sign = found[2] or {"sharp": "#", "flat": "b"}.get(found[3] or "", "")
        article = found[1] == "A" and not sign and found[4] in ("major", "minor")
        if not article or _is_named(prompt, found, KEY_BEFORE, KEY_AFTER):
            return str(Key.parse(f"{found[1]}{sign} {found[4]}"))
    return None


def asked_metre(prompt: str) -> str | None:
    """Return the time signature a prompt names outright, as ``6/8`` or as a waltz.

    ``3/4`` may be a part of anything: it needs a word like ``time``, or to stand between commas.
    """
    for found in METRE.finditer(prompt):
        named = _is_named(prompt, found, METRE_BEFORE, METRE_AFTER)
        measure = MEASURE_AFTER.match(prompt, found.end())
        if not measure and (named or found[0] != "3/4"):
            return found[0]
    return "3/4" if THREE.search(prompt) else "6/8" if SIX.search(prompt) else None


def _is_named(
    prompt: str, found: re.Match[str], before: re.Pattern[str], after: re.Pattern[str]
) -> bool:
    """Whether the words around tell what was found, or it stands alone between commas."""
    head = prompt[: found.start()]
    if before.search(head) or after.match(prompt, found.end()):
        return True
    return bool(OPENS.search(head) and CLOSES.match(prompt, found.end()))


def named_genres(prompt: str, known: Callable[[str], str | None]) -> list[str]:
    """Return the genres a prompt's words name, longest names first, in the order they come.

    ``known`` gives the one spelling of a name, None where it is no genre's.
    """
    words = re.findall(r"[\w&'-]+", prompt.lower())
    found: list[str] = []
    at = 0
    while at < len(words):
        for count in range(min(LONGEST_GENRE, len(words) - at), 0, -1):
            name = " ".join(words[at : at + count])
            genre = None if name in MOOD_NOT_GENRE else known(name)
            if genre is not None:
                found += [genre] if genre not in found else []
                at += count - 1
                break
        at += 1
    return found


def style_of(prompt: str, genres: list[str]) -> Style:
    """Return the style of the first genre known, of those given and then of the prompt's words."""
    text = " ".join(re.findall(r"[\w&'-]+", prompt.lower()))
    for name in genres:
        if name in STYLES:
            return STYLES[name]
    # the longest name first: "lo-fi hip hop" before "hip hop"
    for name in sorted([*STYLES, *SPELLINGS], key=len, reverse=True):
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            return STYLES[SPELLINGS.get(name, name)]
    return UNKNOWN_STYLE


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
