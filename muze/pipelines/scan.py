"""What a folder of music holds: its sound files, and what in it cannot be one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from muze.audio.io import MUSIC_SUFFIXES
from muze.core.errors import DatasetError


@dataclass(frozen=True)
class Found:
    """A sound file: its path under the folder, its size in bytes, and when it was changed."""

    path: str
    size: int
    changed_ns: int


@dataclass(frozen=True)
class Refused:
    """A file that is left out, and why; ``broken`` where it should have been a track."""

    path: str
    reason: str
    broken: bool = True


@dataclass(frozen=True)
class Scan:
    """The sound files of a folder, in order of their paths, and what is left out."""

    folder: Path
    files: tuple[Found, ...]
    refused: tuple[Refused, ...]


def scan(folder: Path) -> Scan:
    """Return the sound files under a folder, those behind links included, each once.

    Hidden files and folders are passed over. A link that leads back above itself, a folder that
    may not be read and a name that is no text are told in ``refused``.

    Raises:
        DatasetError: there is no such folder, or it may not be read.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DatasetError(f"{folder}: may not be read")
    files: list[Found] = []
    refused: list[Refused] = []
    for item in _walk(folder, "", {_identity(folder)}):
        (files if isinstance(item, Found) else refused).append(item)  # type: ignore[arg-type]
    return Scan(
        folder,
        tuple(sorted(files, key=lambda found: found.path)),
        tuple(sorted(refused, key=lambda found: found.path)),
    )


def nothing_in(folder: Path) -> str:
    """Return what is wrong with a folder in which ``scan`` finds no sound files."""
    return f"{folder}: holds no sound files, which end in {', '.join(MUSIC_SUFFIXES)}"


def _walk(root: Path, under: str, above: set[tuple[int, int]]) -> Iterator[Found | Refused]:
    try:
        entries = sorted(os.scandir(root / under), key=lambda entry: entry.name)
    except OSError as fault:
        yield Refused(_shown(under), f"may not be read ({fault.strerror})")
        return
    for entry in entries:
        path = f"{under}/{entry.name}" if under else entry.name
        if entry.name.startswith("."):
            continue
        try:
            identity = _identity(Path(entry.path)) if entry.is_dir() else None
        except OSError as fault:  # a link to itself, or one whose end may not be seen
            yield Refused(_shown(path), f"cannot be followed ({fault.strerror})", _sounds(path))
            continue
        if identity is not None:
            if identity in above:
                yield Refused(_shown(path), "is a link that leads back to a folder above it", False)
            else:
                yield from _walk(root, path, {*above, identity})
        elif _sounds(path):
            yield _file(entry, path)


def _file(entry: os.DirEntry[str], path: str) -> Found | Refused:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return Refused(_shown(path), "its name is no Unicode text; rename it")
    try:
        about = entry.stat()
    except OSError as fault:
        told = "is a link to nothing" if entry.is_symlink() else f"cannot be seen ({fault})"
        return Refused(path, told)
    if not entry.is_file():
        return Refused(path, "is no file")
    return Found(path, about.st_size, about.st_mtime_ns)


def _sounds(path: str) -> bool:
    return Path(path).suffix.lower() in MUSIC_SUFFIXES


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
