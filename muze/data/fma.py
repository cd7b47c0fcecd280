"""The tables of FMA (Defferrard et al. 2017): ``tracks.csv``, and ``genres.csv`` beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from muze.audio.tags import RAW_LETTERS
from muze.audio.written import genres_known
from muze.core.errors import DatasetError
from muze.data.rows import Notes, Row, csv_rows
from muze.data.table_values import Fields

NAMES = {"title": ("track", "title"), "artist": ("artist", "name"), "album": ("album", "title")}
DATES = (("track", "date_recorded"), ("album", "date_released"))
"""When it was made; ``date_created`` is when it was uploaded."""
TAGS = ("license", "language_code", "composer")
"""Columns under ``track`` that are kept as tags."""
OTHER_GENRES = {"Garage", "Lo-Fi"}
"""Genres of FMA that are kinds of rock there, and others to muze."""
Line = tuple[str, Sequence[str]]


def is_fma(lines: Sequence[Line]) -> bool:
    """Whether the first two rows of a CSV file are the two headers of ``tracks.csv``."""
    if len(lines) < 2:
        return False
    named = set(zip(lines[0][1], lines[1][1], strict=False))
    return {("track", "title"), ("artist", "name"), ("track", "genre_top")} <= named


def fma_rows(path: Path, lines: Iterable[Line], notes: Notes) -> list[Row]:
    """Return FMA's tracks, whose files are ``NNN/NNNNNN.mp3``, with fields of a track's record.

    Raises:
        DatasetError: a row has another number of cells, or its track_id is none; names the line.
    """
    lines = iter(lines)
    columns = list(zip(next(lines)[1], next(lines)[1], strict=False))
    names = _genre_names(path.with_name("genres.csv"))
    rows = []
    for where, cells in lines:
        if cells[0] == "track_id":  # the third header: the name of the index
            continue
        if len(cells) != len(columns):
            raise DatasetError(f"{where}: has {len(cells)} cells, the header has {len(columns)}")
        if not (cells[0].isascii() and cells[0].isdigit()):
            raise DatasetError(f"{where}: track_id: {cells[0][:40]!r} is no number")
        told = {pair: cell for pair, cell in zip(columns, cells, strict=True) if cell.strip()}
        number = f"{int(cells[0]):06d}"
        genres = _genres(told, names, notes, where)
        fields: Fields = {field: told[pair] for field, pair in NAMES.items() if pair in told}
        date = next((told[pair][:10] for pair in DATES if pair in told), None)
        tags = {key: told["track", key][:RAW_LETTERS] for key in TAGS if ("track", key) in told}
        if genres:
            tags["fma_genres"] = ", ".join(genres)
        known = genres_known([name for name in genres if name not in OTHER_GENRES])
        fields |= {"genre": known} if known else {}
        fields |= {"date": date} if date else {}
        rows.append(Row(where, f"{number[:3]}/{number}.mp3", {**fields, "tags": tags}))
    return rows


def _genre_names(path: Path) -> dict[int, str] | None:
    """Return the names of FMA's genres by their numbers; None where the table is not there."""
    if not path.exists():
        return None
    lines = csv_rows(path)
    _, header = next(lines, (str(path), []))
    try:
        number, title = header.index("genre_id"), header.index("title")
        return {int(cells[number]): cells[title] for _, cells in lines}
    except (ValueError, IndexError) as fault:
        raise DatasetError(
            f"{path}: should have columns genre_id and title, a number and a name ({fault})"
        ) from None


def _genres(
    told: dict[tuple[str, str], str], names: dict[int, str] | None, notes: Notes, where: str
) -> list[str]:
    """Return the names of a track's genres, its main one first."""
    top = told.get(("track", "genre_top"))
    genres = [top] if top else []
    numbers = told.get(("track", "genres_all"), "[]")
    if names is None:
        if numbers != "[]":
            notes.add("genres_all is not read: there is no genres.csv beside it", where)
        return genres
    try:
        genres += [names[int(number)] for number in json.loads(numbers)]
    except (ValueError, TypeError, KeyError):
        raise DatasetError(
            f"{where}: genres_all: {numbers[:40]!r} should be a list of numbers in genres.csv"
        ) from None
    return list(dict.fromkeys(genres))
