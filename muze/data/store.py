"""Datasets on disk: records of tracks beside their sound, as JSON or as Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from muze.core.errors import DatasetError, did_you_mean, first_fault
from muze.data.json_records import BETWEEN, END, HEAD, read_json
from muze.data.track import TrackRecord

Record = dict[str, Any]
ALWAYS = ("audio_path", "duration")
"""Fields without which a record is none."""
SUFFIXES = (".json", ".parquet")


@dataclass(frozen=True)
class Dataset:
    """Track records and the file they came from."""

    path: Path
    tracks: tuple[Record, ...]

    def audio(self, record: Record) -> Path:
        """Return where a track's audio lies.

        Raises:
            DatasetError: there is no such file.
        """
        audio = self.path.parent / str(record["audio_path"])
        if not audio.is_file():
            raise DatasetError(f"{self.path}: there is no file {audio}")
        return audio


def read_dataset(path: Path) -> Dataset:
    """Read a dataset, Parquet where its name ends in ``.parquet``, else JSON.

    Raises:
        DatasetError: the file is missing, damaged, of another format, or empty, or a record makes
            no sense; names the file, the track's place and the key.
    """
    return Dataset(path, tuple(iterate_dataset(path)))


def iterate_dataset(path: Path, fields: Collection[str] | None = None) -> Iterator[Record]:
    """Yield the records one by one; only some are in memory.

    With ``fields`` a record has no more than those, its audio_path and its duration.

    Raises:
        DatasetError: as ``read_dataset``.
    """
    for index, record in enumerate(stored_records(path, fields)):
        try:
            TrackRecord.model_validate(record)
        except ValidationError as fault:
            raise DatasetError(f"{path}: {first_fault(fault, 'tracks', index)}") from None
        yield record


def stored_records(path: Path, fields: Collection[str] | None = None) -> Iterator[Record]:
    """Yield the records as they are stored, whatever they say.

    Raises:
        DatasetError: the file is missing, damaged, of another format, or empty.
    """
    wanted = None if fields is None else {*ALWAYS, *fields}
    if path.suffix.lower() == ".parquet":
        from muze.data.parquet import read_parquet

        found: Iterable[Record] = read_parquet(path, wanted)
    else:
        found = read_json(path, wanted)
    there = False
    for record in found:
        there = True
        yield record
    if not there:
        raise DatasetError(f"{path}: has no tracks")


def write_dataset(path: Path, records: Iterable[Record]) -> None:
    """Write records so that the file is there complete or not at all, whatever interrupts.

    Raises:
        DatasetError: there are no records, a record holds what is no JSON, or the name ends in
            neither .json nor .parquet.
        OSError: it cannot be written; names the file.
    """
    known_suffix(path)
    with _whole(path) as file:
        if path.suffix.lower() == ".parquet":
            from muze.data.parquet import write_parquet

            write_parquet(file, _some(records, path))
            return
        before = HEAD
        for record in _some(records, path):
            file.write(before + to_json(record, record))
            before = BETWEEN
        file.write(b"\n" + END)


def known_suffix(path: Path) -> str:
    """Return the suffix of a dataset's name.

    Raises:
        DatasetError: datasets are not written with that name.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        hint = did_you_mean(suffix, SUFFIXES)
        raise DatasetError(f"{path}: a dataset's name ends in {' or '.join(SUFFIXES)}{hint}")
    return suffix


def to_json(value: object, record: Record) -> bytes:
    """Return a record, or a part of one, as JSON of one line, UTF-8.

    Raises:
        DatasetError: it holds nan or infinity, or what is no JSON; names the record's audio.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # half of a pair of UTF-16 has no UTF-8; as \ud800 it is JSON
        return text.encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError) as fault:
        raise DatasetError(f"{record.get('audio_path')}: cannot be written: {fault}") from None


def _some(records: Iterable[Record], path: Path) -> Iterator[Record]:
    there = False
    for record in records:
        there = True
        yield record
    if not there:
        raise DatasetError(f"{path}: there are no tracks to write")


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name when all is written, for what is too long for memory."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as fault:
            if fault.filename not in (None, str(part)):
                raise  # of another file
            raise OSError(fault.errno, fault.strerror, str(path)) from fault
    finally:
        part.unlink(missing_ok=True)
