"""What is wrong with a dataset: its records, its sound, and how the two agree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from mutagen import File as mutagen_file
from mutagen import MutagenError

from muze.audio.io import SOUNDFILE_SUFFIXES, is_cut_short, read_audio
from muze.audio.mono import read_mono
from muze.core.errors import AudioError
from muze.data.faults import record_faults
from muze.data.store import stored_records
from muze.report import Report

OFF = 0.1
"""Seconds by which a record's duration may differ from its sound's."""
GUESSED = 0.1
"""Share by which it may where the file only lets guess: an MP3 whose header tells no length."""
PRIMING = 2112
"""Samples that an AAC encoder puts before the sound, which headers count and decoders drop."""
HEARD_AT = 8000
"""Hz at which sound is decoded that is only checked."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: with which track, counted from 0, and where in its record."""

    track: int
    audio_path: str | None
    key: str
    text: str

    def __str__(self) -> str:
        """Return it as one line."""
        key = f"{self.key}: " if self.key else ""
        return f"track {self.track} ({self.audio_path}): {key}{self.text}"

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON."""
        return dict(self.__dict__)


def check_dataset(path: Path, report: Report, decode: bool = False) -> list[Fault]:
    """Return all faults of all tracks: of the schema, of the sound, and of tracks told twice.

    Sound is opened and its header read; with ``decode`` all of it is.

    Raises:
        DatasetError: the file is missing, damaged, of another format, or empty.
    """
    faults: list[Fault] = []
    paths: dict[str, int] = {}
    contents: dict[str, int] = {}
    advance = report.task("checking tracks", sum(1 for _ in stored_records(path, ())))
    for track, record in enumerate(stored_records(path)):
        told = record if isinstance(record, dict) else {}
        named = told.get("audio_path") if isinstance(told.get("audio_path"), str) else None
        found = record_faults(record)
        if named:
            audio = path.parent / named
            found += _sound_faults(audio, told.get("duration"), decode)
            found += _twice(paths, os.path.normpath(audio), track, "audio_path", "the same file as")
        digest = told.get("audio_sha256")
        if isinstance(digest, str):
            found += _twice(contents, digest, track, "audio_sha256", "the same sound as")
        faults += [Fault(track, named, key, text) for key, text in found]
        advance()
    return faults


def _twice(
    known: dict[str, int], name: str, track: int, key: str, told: str
) -> Iterator[tuple[str, str]]:
    first = known.setdefault(name, track)
    if first != track:
        yield key, f"is {told} track {first}"


def _sound_faults(audio: Path, told: object, decode: bool) -> Iterator[tuple[str, str]]:
    try:
        if not audio.is_file():  # of a pipe nothing would ever come
            raise AudioError(f"{audio}: there is no such file")
        duration, off = (read_mono(audio, HEARD_AT).duration, OFF) if decode else _length(audio)
    except AudioError as fault:
        yield "audio_path", str(fault).removeprefix(f"{audio}: ")
        return
    except OSError as fault:
        yield "audio_path", f"cannot be read ({fault.strerror})"
        return
    if isinstance(told, int | float) and abs(told - duration) > off:
        yield "duration", f"is {told:g} s, but the sound lasts {duration:.4g} s"


def _length(audio: Path) -> tuple[float, float]:
    """Return how long a sound is as its header says, and by how much that may be wrong; seconds.

    Raises:
        AudioError: the file is missing, empty, cut short as far as its header tells, or no sound.
    """
    try:
        with audio.open("rb") as opened, soundfile.SoundFile(opened) as file:
            if is_cut_short(file, file.frames):
                raise AudioError(f"{audio}: is cut short")
            duration = file.frames / file.samplerate
            return duration, GUESSED * duration if file.format in ("MP3", "MPEG") else OFF
    except (OSError, soundfile.LibsndfileError):
        pass
    if audio.suffix.lower() not in SOUNDFILE_SUFFIXES:
        try:
            about = getattr(mutagen_file(audio), "info", None)
        except (OSError, MutagenError):
            about = None
        if length := getattr(about, "length", None):
            return float(length), OFF + PRIMING / (getattr(about, "sample_rate", 0) or 44100)
    return read_audio(audio).duration, OFF  # or it says what is wrong
