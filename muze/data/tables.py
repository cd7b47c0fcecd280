"""What is known of tracks from outside: tables of metadata joined to sound files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.audio.tags import told_length
from muze.core.errors import DatasetError
from muze.data.fma import fma_rows, is_fma
from muze.data.musicbench import is_musicbench, musicbench_values
from muze.data.rows import Notes, Row, csv_rows, join, json_rows, raise_faults
from muze.data.schema import WholeRecord
from muze.data.table_values import (
    OF_THE_SOUND,
    READERS,
    SYNONYMS,
    Fields,
    is_field,
    plain_name,
    read_values,
)

PATH_COLUMNS = ("audio_path", "path", "file", "filename", "file_name", "location")
"""Columns that name the sound file; the first of these that is there does."""
_BEATS, _CHORDS = (
    ("beat_positions", "downbeat_positions", "num_beats"),
    ("chords", "chord_progression"),
)
TOGETHER = {**dict.fromkeys(_BEATS, _BEATS), **dict.fromkeys(_CHORDS, _CHORDS)}
"""Fields that mean nothing without each other."""
TIMED = {*_BEATS, "beats", "chords", "segments", "words", "breath_positions", "notes"}
"""Columns with times that must lie inside the sound."""
CSV, JSON = (".csv", ".tsv", ".tab"), (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Table:
    """What a table says of the files that are there."""

    kind: str
    """``table``, ``fma`` or ``musicbench``."""
    rows: dict[str, tuple[Fields, Fields]]
    """By the file's path under the folder: the record's fields, and where each is from."""
    notes: list[str]
    """What a user should know: rows without a file, columns that are no fields."""


def read_table(path: Path, root: Path, files: Sequence[str]) -> Table:
    """Return what a table says of ``files``, which are paths under ``root``.

    CSV, TSV and JSON lines are read: a column ``audio_path`` (or ``path``, ``file``, ``filename``)
    and fields of a track's record; FMA's ``tracks.csv``; and MusicBench's rows. Columns that are no
    fields are kept under ``tags``.

    Raises:
        DatasetError: the table is missing or of no such form, a value is wrong, a name may be
            several files, two rows speak of one file, or no row speaks of any; names file and line.
    """
    notes = Notes()
    kind, rows = _open(path, notes)
    joined, missing = join(rows, root, files)
    if not joined:
        first = f", as {missing[0].audio!r} at {missing[0].where}" if missing else ""
        raise DatasetError(f"{path}: speaks of no file under {root}{first}")
    told: dict[str, tuple[Fields, Fields]] = {}
    faults: list[str] = []
    for file in files:
        if file in joined:
            fields, sure = _fields(kind, joined[file], root / file, notes, faults)
            source = {"backend": path.name, "version": kind}
            told[file] = fields, {name: {**source, **sure.get(name, {})} for name in fields}
    raise_faults(faults)
    lines = [f"{path}: {text}" for text in _left_over(kind, joined, rows, missing, files, root)]
    return Table(kind, told, lines + notes.lines())


def _left_over(
    kind: str,
    joined: Mapping[str, Row],
    rows: Sequence[Row],
    missing: Sequence[Row],
    files: Sequence[str],
    root: Path,
) -> Iterator[str]:
    """Yield what rows, files and columns have no place."""
    if missing:
        first = f"the first is {missing[0].audio!r}"
        yield f"{len(missing)} of {len(rows)} rows have no file under {root}; {first}"
    if len(joined) < len(files):
        file = next(file for file in files if file not in joined)
        yield f"{len(files) - len(joined)} of {len(files)} files have no row; the first is {file!r}"
    if kind != "table":
        return
    columns = dict.fromkeys(column for row in joined.values() for column in row.values)
    own = [column for column in columns if SYNONYMS.get(column, column) in OF_THE_SOUND]
    if own:
        yield f"passed over, as the sound itself tells it: {', '.join(own)}"
    other = [column for column in columns if not is_field(column)]
    if other:
        yield f"no fields of a track, kept under tags: {', '.join(map(_guessed, other))}"


def _guessed(column: str) -> str:
    near = get_close_matches(column, [*READERS, *SYNONYMS], 1, cutoff=0.75)
    return f"{column} ({near[0]}?)" if near else column


def _open(path: Path, notes: Notes) -> tuple[str, list[Row]]:
    """Return the kind of a table and its rows."""
    suffix = path.suffix.lower()
    if suffix in CSV:
        lines = csv_rows(path)
        head = list(islice(lines, 2))
        if is_fma(head):
            return "fma", fma_rows(path, chain(head, lines), notes)
        return "table", _csv_rows(path, chain(head, lines))
    if suffix in JSON:
        rows = []
        for where, row in json_rows(path):
            values = {plain_name(column): value for column, value in row.items()}
            if len(values) < len(row):
                raise DatasetError(f"{where}: has a name twice: {', '.join(row)}")
            rows.append(Row(where, _audio(where, values), values))
        musicbench = any(is_musicbench(row.values) for row in rows)
        return "musicbench" if musicbench else "table", rows
    raise DatasetError(f"{path}: is no table; end its name in {', '.join((*CSV, *JSON))}")


def _csv_rows(path: Path, lines: chain[tuple[str, list[str]]]) -> list[Row]:
    _, header = next(lines, (str(path), []))
    columns = [plain_name(column) for column in header]
    for column in columns:
        if columns.count(column) > 1:
            raise DatasetError(f"{path}:1: has several columns {column!r}")
    rows = []
    for where, cells in lines:
        if len(cells) != len(columns):
            raise DatasetError(f"{where}: has {len(cells)} cells, the header has {len(columns)}")
        values = dict(zip(columns, cells, strict=True))
        rows.append(Row(where, _audio(where, values), values))
    return rows


def _audio(where: str, values: dict[str, Any]) -> str:
    """Return the file that a row speaks of; take its column out of the values."""
    column = next((name for name in PATH_COLUMNS if name in values), None)
    if column is None:
        raise DatasetError(
            f"{where}: has no column that names the sound file; name one of "
            f"{', '.join(values)} audio_path"
        )
    audio = values.pop(column)
    if not isinstance(audio, str) or not audio.strip():
        raise DatasetError(f"{where}: {column}: names no file")
    return audio


def _fields(
    kind: str, row: Row, audio: Path, notes: Notes, faults: list[str]
) -> tuple[Fields, Fields]:
    """Return the fields that a row tells, and how sure they are."""
    if kind == "fma":
        return {name: told for name, told in row.values.items() if told}, {}
    values, sure = row.values, None
    lost: list[str] = []
    length = told_length(audio) if TIMED & set(values) else None
    if kind == "musicbench":
        values, sure, lost = musicbench_values(values, length)
    fields, tags, wrong = read_values(values)
    for name, fault in _check(fields, length):
        wrong.append(f"{name}: {fault}")
        for lost_too in TOGETHER.get(name, (name,)):
            fields.pop(lost_too, None)
    if kind == "musicbench":  # fifty thousand rows that nobody wrote by hand
        lost += [f"{text}; left out" for text in wrong]
    else:
        faults += [f"{row.where}: {text}" for text in wrong]
    lost += [
        f"genre: muze does not know all of {tags[column]!r}, kept under tags"
        for column in tags
        if SYNONYMS.get(column, column) == "genre"
    ]
    for text in dict.fromkeys(lost):
        notes.add(text, row.where)
    fields |= {"tags": tags} if tags else {}
    return fields, {name: {"confidence": sure} for name in ("key", "key_index") if sure is not None}


def _check(fields: Fields, length: float | None) -> list[tuple[str, str]]:
    """Return the fields that the record's schema refuses, and why."""
    record = {"audio_path": "a", **({"duration": length} if length else {}), **fields}
    try:
        WholeRecord.model_validate(record)
    except ValidationError as fault:
        return [
            (str(told["loc"][0]), told["msg"].removeprefix("Value error, "))
            for told in fault.errors(include_url=False)
            if told["loc"] != ("duration",)
        ]
    return []
