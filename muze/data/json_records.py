"""Records in JSON, a line for each as muze writes them; and what a file is that holds none."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, BinaryIO

from muze.audio.io import MUSIC_SUFFIXES
from muze.core.errors import DatasetError

HEAD, BETWEEN, END = b'{"muze_dataset":1,"tracks":[\n', b",\n", b"]}\n"
"""What stands before the records, behind each but the last, and behind that."""
FORM = '{"muze_dataset": 1, "tracks": [...]}'
TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
SONGS = (".yaml", ".yml")
"""What ends in these is no dataset, and what else it is is known."""


def read_json(path: Path, wanted: Collection[str] | None) -> Iterator[Any]:  # Any: JSON
    """Yield the records, those that are mappings with no more than the ``wanted`` fields.

    Of a file as muze writes it only one is in memory at a time.

    Raises:
        DatasetError: the file is missing or is no dataset; says what it is.
    """
    check_kind(path)
    try:
        for record in _records(path):
            if wanted is None or not isinstance(record, dict):
                yield record
            else:
                yield {key: value for key, value in record.items() if key in wanted}
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such dataset") from None
    except (OSError, ValueError, RecursionError) as fault:
        named = "" if path.suffix.lower() == ".json" else "; a dataset ends in .json or .parquet"
        raise DatasetError(f"{path}: cannot be read as JSON: {fault}{named}") from None


def check_kind(path: Path) -> None:
    """Raise ``DatasetError`` for what can be no dataset; says what it is and what is done with it.

    A folder, and a file whose name tells that it is a sound, a table or a song.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in (".json", ".parquet"))
        told = f"a folder; `muze dataset build {path} -o songs.parquet` makes a dataset of it"
        if inside:
            told = f"a folder; did you mean {inside[0]}?"
    elif suffix in MUSIC_SUFFIXES:
        told = "a sound; `muze dataset build FOLDER -o songs.parquet` makes a dataset of a folder"
    elif suffix in TABLES:
        told = f"a table; a build takes it beside the music, with --metadata {path}"
    elif suffix in SONGS:
        told = "YAML, as songs and trainings are written in; a dataset is .json or .parquet"
    else:
        return
    if path.exists():
        raise DatasetError(f"{path}: is no dataset but {told}")


def _records(path: Path) -> Iterator[Any]:  # Any: JSON
    done = 0
    try:
        with path.open("rb") as file:
            for record in _lines(file):
                yield record
                done += 1
        return
    except _OtherForm:
        pass
    for index, record in enumerate(_whole(path)):
        if index >= done:
            yield record


class _OtherForm(Exception):
    """A file is not, or no longer, as muze writes it; it may be a dataset all the same."""


def _lines(file: BinaryIO) -> Iterator[Any]:  # Any: JSON
    """Yield the record of each line of a file as muze writes it."""
    if file.readline() != HEAD:
        raise _OtherForm
    for line, after in pairwise(chain(file, (b"",))):
        if line == END and not after:
            return
        mark = b"\n" if after == END else BETWEEN
        if not line.endswith(mark):
            break
        try:
            record = json.loads(line.removesuffix(mark).decode())
        except (ValueError, RecursionError):
            break
        yield record
    raise _OtherForm


def _whole(path: Path) -> list[Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("muze_dataset") != 1:
        raise DatasetError(f"{path}: is no muze dataset{_told(content)}")
    tracks = content.get("tracks")
    if not isinstance(tracks, list):
        raise DatasetError(f"{path}: has no tracks")
    return tracks


def _told(content: Any) -> str:  # Any: JSON
    """Return what JSON is that is no dataset, and what would be right."""
    if isinstance(content, list):
        return f" but a list; a dataset is {FORM}"
    if not isinstance(content, dict):
        return f"; one is {FORM}"
    if "audio_path" in content:
        return f" but the record of one track; a dataset is {FORM}"
    if {"broken", "left_out"} <= content.keys():
        return " but the report of a build; the dataset lies beside it"
    if {"song", "sections"} <= content.keys():
        return " but the plan of a song; `muze generate --plan` takes it"
    return '; it should say "muze_dataset": 1'
