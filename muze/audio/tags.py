"""What a sound file says about itself: title, artist, genre, words, and the rest as text."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mutagen
import soundfile
from mutagen import MutagenError
from mutagen.asf import ASFTags
from mutagen.id3 import ID3, USLT, TextFrame
from mutagen.mp4 import MP4FreeForm, MP4Tags

FAULTS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MutagenError, OSError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What mutagen may raise of a damaged file."""
NAMES = {
    "title": ("tit2", "title", "©nam"),
    "artist": ("tpe1", "artist", "©art", "author"),
    "album": ("talb", "album", "©alb", "wm/albumtitle"),
    "genre": ("tcon", "genre", "©gen", "wm/genre"),
    "date": ("tdrc", "date", "tdor", "year", "©day", "wm/year"),
    "bpm": ("tbpm", "bpm", "tempo", "tmpo", "wm/beatsperminute"),
    "key": ("tkey", "initialkey", "key", "wm/initialkey"),
    "language": ("tlan", "language", "wm/language"),
    "lyrics": ("uslt", "lyrics", "unsyncedlyrics", "©lyr", "wm/lyrics"),
}
"""What formats call each thing, in small letters: ID3, Vorbis comments, MP4, ASF."""
RAW_LETTERS, RAW_ENTRIES, LYRICS_LETTERS = 1000, 200, 20_000
"""What is kept at most: letters of an entry, entries, letters of the words that are sung."""
PICTURES = {"metadata_block_picture", "coverart", "wm/picture"}
FASTEST = 1000.0
"""BPM from which on a number is no tempo."""


@dataclass(frozen=True)
class Tags:
    """What a file says about itself; None, or nothing, is what it does not say."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: list[str] = field(default_factory=list)
    """As written, ID3 numbers by their names; ``written.genres_known`` reads them."""
    date: str | None = None
    """As written, ``2011`` or ``2011-05-03``."""
    bpm: float | None = None
    key: str | None = None
    """As written; ``written.key_known`` reads it."""
    language: str | None = None
    """As written, ``eng`` or ``English``."""
    lyrics: str | None = None
    raw: dict[str, str] = field(default_factory=dict)
    """Every entry that is text, under the format's own name for it."""
    note: str = ""
    """Why there are none, or what could not be read."""

    @property
    def year(self) -> int | None:
        """The year in the date."""
        found = re.search(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)", self.date or "")
        return int(found[0]) if found else None


def read_tags(path: Path) -> Tags:
    """Return a file's tags: ID3v1 and v2, Vorbis comments, MP4, ASF, and a WAV's INFO.

    Whatever is wrong with the file, there is an answer; ``note`` tells what is wrong.
    """
    try:
        file = mutagen.File(path)
        entries = [] if file is None or file.tags is None else list(_entries(file.tags))
        if not entries and path.suffix.lower() == ".wav":
            entries = list(_info(path))
    except FAULTS as fault:
        return Tags(note=f"its tags cannot be read ({_told(fault, path)})")
    if not entries:
        return Tags(note="it has no tags")
    return _tags([(key, [_plain(text) for text in texts]) for key, texts in entries])


def told_length(path: Path) -> float | None:
    """Return the seconds that a file's header promises; None where it says nothing."""
    try:
        return float(soundfile.info(path).duration)
    except (OSError, soundfile.LibsndfileError):
        pass
    try:
        about = mutagen.File(path)
    except FAULTS:
        return None
    length = getattr(getattr(about, "info", None), "length", None)
    return float(length) if length else None


def _entries(tags: object) -> Iterator[tuple[str, list[str]]]:
    """Yield what is text in a file's tags, under the format's own name."""
    if isinstance(tags, ID3):
        for frame in tags.values():
            if isinstance(frame, TextFrame):
                yield frame.HashKey, [str(text) for text in frame.text]
            elif isinstance(frame, USLT):
                yield frame.HashKey, [str(frame.text)]
        return
    for key, values in tags.items():  # type: ignore[attr-defined]
        if key.lower() in PICTURES:
            continue
        values = values if isinstance(values, list) else [values]
        if isinstance(tags, MP4Tags):
            texts = [_atom(value) for value in values]
            yield key, [text for text in texts if text is not None]
        elif isinstance(tags, ASFTags):
            yield key, [str(value) for value in values if isinstance(value.value, str | int)]
        else:
            yield key, [str(value) for value in values]


def _atom(value: object) -> str | None:
    """Return a value of an MP4 file as text; None for a picture, a flag or a pair of numbers."""
    if isinstance(value, MP4FreeForm):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    return None


def _info(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the INFO entries of a WAV, which mutagen does not read."""
    with path.open("rb") as opened, soundfile.SoundFile(opened) as file:
        for key, text in file.copy_metadata().items():
            if "\ufffd" not in text:  # of an alphabet that the file does not tell
                yield key, [text]


def _plain(text: str) -> str:
    """Return text that JSON can hold: no NUL, no half of a letter."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8").strip()


def _tags(entries: list[tuple[str, list[str]]]) -> Tags:
    by_name: dict[str, list[str]] = {}
    for key, texts in entries:
        by_name.setdefault(_name(key), []).extend(text for text in texts if text)
    found = {
        what: next((by_name[name] for name in names if by_name.get(name)), [])
        for what, names in NAMES.items()
    }

    def first(what: str, letters: int = RAW_LETTERS) -> str | None:
        return found[what][0][:letters] if found[what] else None

    def together(what: str) -> str | None:
        return ", ".join(dict.fromkeys(found[what]))[:RAW_LETTERS] or None

    bpm, note = _bpm(first("bpm"))
    kept = [(key, ", ".join(texts)) for key, texts in entries]
    return Tags(
        title=together("title"),
        artist=together("artist"),
        album=together("album"),
        genre=[text[:RAW_LETTERS] for text in found["genre"]],
        date=first("date"),
        bpm=bpm,
        key=first("key"),
        language=first("language"),
        lyrics=first("lyrics", LYRICS_LETTERS),
        raw={_plain(key): text[:RAW_LETTERS] for key, text in kept[:RAW_ENTRIES] if text},
        note=note,
    )


def _name(key: str) -> str:
    """Return what an entry is called, in small letters: ``initialkey`` of ``TXXX:initialkey``."""
    plain = key.lower()
    if plain.startswith("----:"):
        return plain.rpartition(":")[2]
    frame, colon, rest = plain.partition(":")
    return rest if frame == "txxx" and colon else frame


def _bpm(text: str | None) -> tuple[float | None, str]:
    """Return the tempo and a note; 0 is how many programs say that they do not know it."""
    if text is None:
        return None, ""
    try:
        bpm = float(text.replace(",", "."))
    except ValueError:
        bpm = math.nan
    if 0 < bpm < FASTEST:
        return bpm, ""
    return None, "" if bpm == 0 else f"its tempo {text[:20]!r} is none"


def _told(fault: BaseException, path: Path) -> str:
    """Return a fault's text in one line, without the file's path."""
    told = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    told = " ".join(told.replace(str(path), "the file").split())[:200]
    return told or type(fault).__name__
