"""Rows of a table of metadata, and the sound files they speak of."""

from __future__ import annotations

import csv
import json
import posixpath
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from muze.core.errors import DatasetError

LARGEST_CELL = 1 << 24
"""Letters; FMA has lives of artists in its cells, longer than Python's csv takes by itself."""
SHOWN = 10
"""Faults that are told one by one."""
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Row:
    """One row: where it stands, the file it speaks of as written, and what it says."""

    where: str
    audio: str
    values: Mapping[str, Any]  # Any: JSON


@dataclass
class Notes:
    """What a user should know of a table: each thing once, with how often and where first."""

    _told: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, where: str) -> None:
        """Note a thing about a row."""
        self._told.setdefault(text, []).append(where)

    def lines(self) -> list[str]:
        """Return a line for each thing, the most frequent first."""
        often = sorted(self._told.items(), key=lambda thing: -len(thing[1]))
        lines = [
            f"{rows[0]}: {text}" + (f" (in {len(rows)} rows)" if rows[1:] else "")
            for text, rows in often[:SHOWN]
        ]
        more = len(often) - SHOWN
        return lines + ([f"and {more} more things like these"] if more > 0 else [])


def raise_faults(faults: Sequence[str]) -> None:
    """Raise ``DatasetError`` with the faults, a line each, if there are any."""
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise DatasetError("\n".join([*faults[:SHOWN], *more]))


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such table") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: is no UTF-8 text") from None
    except OSError as fault:
        raise DatasetError(f"{path}: cannot be read ({fault.strerror})") from None


def csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield where each row of a CSV or TSV file begins, and its cells; empty rows are passed over.

    Raises:
        DatasetError: the file is missing, no UTF-8, or its quotes do not close; names the line.
    """
    before = csv.field_size_limit(LARGEST_CELL)
    try:
        with _opened(path) as file:
            header = file.readline()
            file.seek(0)
            tabs = path.suffix.lower() in (".tsv", ".tab")
            delimiter = "\t" if tabs else max(DELIMITERS, key=header.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            line = 1
            while (cells := _next(reader, f"{path}:{line}")) is not None:
                if any(cells):
                    yield f"{path}:{line}", cells
                line = reader.line_num + 1
    finally:
        csv.field_size_limit(before)


def _next(reader: Iterator[list[str]], where: str) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as fault:
        raise DatasetError(f"{where}: is no CSV ({fault})") from None


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each object of a file of JSON lines, or of one JSON list, stands, and itself.

    Raises:
        DatasetError: the file is missing, no UTF-8 or no JSON objects; names the line.
    """
    with _opened(path) as file:
        listed = file.readline().lstrip().startswith("[")
        file.seek(0)
        if listed:
            rows = enumerate(_json(file.read(), str(path)), 1)
            told = ((f"{path}: row {number}", row) for number, row in rows)
        else:
            told = (
                (f"{path}:{number}", _json(line, f"{path}:{number}"))
                for number, line in enumerate(file, 1)
                if line.strip()
            )
        for where, row in told:
            if not isinstance(row, dict):
                raise DatasetError(f'{where}: should be an object, as {{"path": "a.wav"}}')
            yield where, row


def _json(text: str, where: str) -> Any:  # Any: JSON
    def constant(name: str) -> None:
        if name != "NaN":  # which programs write for a cell that is empty
            raise ValueError(f"{name} is no number")

    try:
        return json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError) as fault:
        raise DatasetError(f"{where}: is no JSON ({fault})") from None


def join(rows: Sequence[Row], root: Path, files: Sequence[str]) -> tuple[dict[str, Row], list[Row]]:
    """Return the row of each file that has one, and the rows whose file is not there.

    ``files`` are paths under ``root``. A row speaks of the file at its path under ``root`` or,
    where there is none, of the one file of that name that no other row has by its path.

    Raises:
        DatasetError: a name may be several files, or two rows speak of one file.
    """
    known = {unicodedata.normalize("NFC", file): file for file in files} | {f: f for f in files}
    joined: dict[str, Row] = {}
    faults: list[str] = []

    def take(file: str, row: Row) -> None:
        if file in joined:
            faults.append(f"{row.where}: speaks of {file!r}, as {joined[file].where} does")
        joined.setdefault(file, row)

    rest = []
    for row in rows:
        file = known.get(row.audio) or known.get(_relative(row.audio, root))
        if file is None:
            rest.append(row)
        else:
            take(file, row)
    by_name: dict[str, list[str]] = {}
    for file in files:
        if file not in joined:
            name = unicodedata.normalize("NFC", posixpath.basename(file))
            by_name.setdefault(name, []).append(file)
    missing = []
    for row in rest:
        found = by_name.get(posixpath.basename(_relative(row.audio, root)), [])
        if len(found) == 1:
            take(found[0], row)
        elif found:
            told = " or ".join(map(repr, found[:3]))
            faults.append(f"{row.where}: {row.audio!r} may be {told}; write its path under {root}")
        else:
            missing.append(row)
    raise_faults(faults)
    return joined, missing


def _relative(written: str, root: Path) -> str:
    """Return a path as it would be under ``root``, whatever program wrote it."""
    text = unicodedata.normalize("NFC", written.strip())
    if "/" not in text:
        text = text.replace("\\", "/")
    for base in (root.absolute(), root.resolve()):
        text = text.removeprefix(f"{base.as_posix()}/")
    return posixpath.normpath(text)
