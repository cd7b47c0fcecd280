"""Where a song is written, and where it may not be."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from muze.core.errors import ManifestError, MuzeError
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.read import said_streams
from muze.manifest.song import sings

STEMS = (".vocal.wav", ".music.wav", ".lrc")
"""What a song that is sung has beside it in addition."""
BESIDE = (".plan.json", ".adherence.json", ".png", *STEMS)
"""What takes the place of the suffix in the names of the files written beside the song."""
LONGEST_NAME = 241
"""Bytes of a file's name: 255 less what a file half written has around it."""


def plan_output(song: Song, faults: Faults, writes: bool = True) -> Path | None:
    """Return the file to be written; None with faults noted.

    One that the song does not name takes no other's place: it is numbered. Where nothing
    ``writes`` it yet, it does not matter whether that can be done.
    """
    keys: Keys = ("output", "path")
    source, here, said = song.source, Path.cwd().resolve(), song.output.path
    if song.output.stems and not sings(song.voice):
        faults.add(("output", "stems"), "no model has stems, and nobody sings; take it out")
    if said is None:
        # beside nothing: in the folder where muze was started
        name = f"{Path(source.name).stem if source.node is not None else 'song'}.wav"
        folder, said = here, _free(here / name).name
    else:
        folder = here if keys in source.options else source.folder
    try:
        path = resolved(folder / said)
        check = check_output if writes else check_name
        check(path)
    except ValueError:  # of the system's own, for a NUL
        faults.add(keys, f"{said!r} holds a character that no file's name has")
        return None
    except (MuzeError, OSError) as fault:
        faults.add(keys, str(fault))
        return None
    if not writes:
        return path
    if folder is not here and not path.is_relative_to(here):
        faults.add(keys, f"{path} leaves the folder {here}; to write there, give --output")
    _keep_what_is_read(path, song, faults)
    return path


def _free(path: Path) -> Path:
    """Return the path, numbered from 2 where a file of those written with it is there already."""
    for number in itertools.count(1):
        free = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        if not any(os.path.lexists(file) for file in written_files(free)):
            return free
    raise AssertionError("counting ended")


def _keep_what_is_read(path: Path, song: Song, faults: Faults) -> None:
    """Note what the song would be written over: recordings it reads, its manifest."""
    read = [
        song.source.folder / name
        for _, value in said_streams(song)
        if isinstance(value, dict) and isinstance(name := value.get("from"), str)
    ]
    if song.voice is not None and song.voice.style_of is not None:  # a recording, or a name
        read.append(song.source.folder / song.voice.style_of)
    if song.voice is not None and isinstance(song.voice.melody, dict):
        named = [told for key, told in song.voice.melody.items() if key != "notes"]
        read += [song.source.folder / name for name in named]
    if song.voice is not None and song.voice.clone is not None:
        clone = song.voice.clone
        read += [song.source.folder / name for name in (clone.samples, clone.consent)]
    if song.source.node is not None:
        read.append(Path(song.source.name))
    if lost := written_over(path, read):
        told = f"{lost} is read here and would be written over; give output another path"
        faults.add(("output", "path"), told)


def written_over(path: Path, read: Iterable[Path]) -> Path | None:
    """Return the first of the files read that a song written to ``path`` would be written over."""
    for file in read:
        for written in written_files(path):
            if _is_same(file, written):
                return file
    return None


def written_files(path: Path) -> list[Path]:
    """Return all that is written with a song: the sound, its plan, its figures, its picture."""
    return [path, *(path.with_suffix(end) for end in BESIDE)]


def _is_same(first: Path, second: Path) -> bool:
    try:
        return resolved(first) == resolved(second) or os.path.samefile(first, second)
    except (ManifestError, OSError, ValueError):  # one of them is not there, or cannot be
        return False


def resolved(path: Path) -> Path:
    """Return the path without links.

    Raises:
        ManifestError: a link in it leads back to itself.
    """
    try:
        found = path.resolve()
        loops = os.path.islink(found)
    except RuntimeError:  # Python before 3.13
        loops = True
    if loops:
        raise ManifestError(f"{path}: is a link that leads back to itself")
    return found


def check_name(path: Path) -> None:
    """Raise ``ManifestError`` or ``AudioError`` unless a sound file can have that name."""
    from muze.audio.io import known_format

    known_format(path)
    too_long = max(len(os.fsencode(file.name)) for file in written_files(path)) - LONGEST_NAME
    if too_long > 0:
        raise ManifestError(f"{path}: its name is {too_long} letters too long")


def check_output(path: Path) -> None:
    """Raise ``ManifestError`` or ``AudioError`` unless a sound file can be written there."""
    check_name(path)
    for file in written_files(path):
        if os.path.isdir(file):  # where Path.is_dir raises for a path that is too long
            raise ManifestError(f"{file}: is a folder")
    if not os.path.isdir(path.parent):
        raise ManifestError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ManifestError(f"{path}: the folder {path.parent} is not writable")
