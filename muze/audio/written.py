"""What people write into tags and tables of genres, keys and languages, read as muze names them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from mutagen.id3 import TCON

from muze.core.genres import GENRES, known_genre
from muze.core.theory import Chord, Key

STYLES: dict[str, tuple[str, ...]] = {
    "lo-fi": (), "lofi": (), "lo fi": (), "new romantic": (), "garage rock": ("rock",),
    "rock & roll": ("rock",), "rock and roll": ("rock",), "rock n roll": ("rock",),
    "r & b": ("r&b",), "drum n bass": ("drum and bass",), "drum'n'bass": ("drum and bass",),
    "bebop": ("jazz",), "big band": ("jazz",), "opera": ("classical",), "symphony": ("classical",),
    "sonata": ("classical",), "chamber music": ("classical",), "samba": ("latin",),
    "merengue": ("latin",), "goa": ("trance",), "psytrance": ("trance",), "grunge": ("rock",),
    "krautrock": ("rock",), "chip music": ("chiptune",), "choir": ("choral",),
    "showtunes": ("musical",), "g-funk": ("hip hop",), "eurodance": ("electronic",),
    "idm": ("electronic",),
}  # fmt: skip
"""Styles of a genre whose names do not hold its name, and names that mean something else there."""
BETWEEN = re.compile(r"[/\\;,|:+\0]|\s-\s")
"""What people put between two genres."""
LONGEST = 3
"""Words in the longest name of a genre."""

LANGUAGES = {
    "ar": "Arabic ara", "cs": "Czech ces cze", "da": "Danish dan", "de": "German deu ger",
    "el": "Greek ell gre", "en": "English eng", "es": "Spanish spa", "fi": "Finnish fin",
    "fr": "French fra fre", "he": "Hebrew heb", "hi": "Hindi hin", "hu": "Hungarian hun",
    "it": "Italian ita", "ja": "Japanese jpn", "ko": "Korean kor", "nl": "Dutch nld dut",
    "no": "Norwegian nor nob", "pl": "Polish pol", "pt": "Portuguese por",
    "ro": "Romanian ron rum", "ru": "Russian rus", "sv": "Swedish swe", "tr": "Turkish tur",
    "uk": "Ukrainian ukr", "zh": "Chinese zho chi",
}  # fmt: skip
"""ISO 639-1 code, name, and the codes of three letters."""
CODE = re.compile(r"[a-z]{2}")

CAMELOT = re.compile(r"(1[0-2]|[1-9])([ABab])")
OPEN_KEY = re.compile(r"(1[0-2]|[1-9])([dm])")
MODE = re.compile(r"(?i)\s*[- ]?(maj(?:or)?|min(?:or)?)")


def genres_known(written: Iterable[str]) -> list[str]:
    """Return the genres that the written ones mean, each once; what is none of them is left out.

    ``Electronic/Dance``, ``Hip-Hop``, ``(17)Rock`` and ID3's numbers are read. Of a style the genre
    it is one of is meant: of ``Thrash Metal`` metal, of ``Latin Jazz`` latin and jazz.
    """
    return list(dict.fromkeys(genre for text in written for genre in _read(text)))


@lru_cache(4096)
def _read(text: str) -> tuple[str, ...]:
    names = TCON(encoding=3, text=[text]).genres
    return tuple(
        genre for name in names for genre in _meant(" ".join(name.replace("&", " & ").split()))
    )


def _meant(name: str) -> tuple[str, ...]:
    whole = _named(name)
    if whole is not None:
        return whole
    parts = [part.strip() for part in BETWEEN.split(name)]
    if len(parts) > 1:
        return tuple(genre for part in parts if part for genre in _meant(part))
    words = re.split(r"[\s-]+", name.lower())
    found: list[str] = []
    start = 0
    while start < len(words):
        for end in range(min(start + LONGEST, len(words)), start, -1):
            told = _named(" ".join(words[start:end]))
            # the last word is what it is; a word before it counts only as a genre's own name,
            # as baroque pop is not baroque
            if told is not None and (end == len(words) or " ".join(words[start:end]) in GENRES):
                found += told
                start = end - 1
                break
        start += 1
    return tuple(found)


def _named(name: str) -> tuple[str, ...] | None:
    """Return what a whole name means; None where it is no name of a genre or a style."""
    if name.lower() in STYLES:
        return STYLES[name.lower()]
    try:
        return (known_genre(name.replace(" & ", "&")),)
    except ValueError:
        pass
    try:
        return (known_genre(name),)
    except ValueError:
        return None


def key_known(written: str) -> Key | None:
    """Return the key that is meant; None where it is none.

    ``A minor``, ``Am``, ``F#min`` and ``Bb dorian`` are read, and the two wheels of DJs, Camelot
    (``8A``) and Open Key (``1m``), whose numbers rise by fifths.
    """
    text = written.strip().replace("♯", "#").replace("♭", "b")
    for wheel, first in ((CAMELOT, 8), (OPEN_KEY, 1)):
        match = wheel.fullmatch(text)
        if match:
            minor = match[2] in "Aam"
            tonic = (int(match[1]) - first) * 7 + (9 if minor else 0)
            return Key(tonic % 12, "minor" if minor else "major")
    if text[:1].islower():
        text = text[0].upper() + text[1:]
    try:
        return Key.parse(text)
    except ValueError:
        pass
    try:
        chord = Chord.parse(MODE.sub(lambda m: "m" if m[1][:2].lower() == "mi" else "", text))
    except ValueError:
        return None
    if chord is None or chord.quality not in ("", "m") or chord.bass != chord.root:
        return None
    return Key(chord.root, "minor" if chord.quality else "major")


def language_known(written: str) -> str | None:
    """Return the ISO 639-1 code of a language; None where it is none that is known.

    ``en``, ``en-GB``, ``eng`` and ``English`` are read; another code of two letters is believed.
    """
    plain = re.split(r"[-_]", written.strip())[0].lower()
    for code, names in LANGUAGES.items():
        if plain in (code, *names.lower().split()):
            return code
    return plain if CODE.fullmatch(plain) else None
