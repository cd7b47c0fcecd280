"""Datasets on disk: a JSON file of track records beside their audio."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.core.errors import DatasetError, first_fault
from muze.data.track import TrackRecord

Record = dict[str, Any]


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
    """Read ``dataset.json``.

    Raises:
        DatasetError: the file is missing, no JSON, of another format, or empty, or a record makes
            no sense; names the file, the track's place and the key.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such dataset") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise DatasetError(f"{path}: cannot be read as JSON: {fault}") from None
    if not isinstance(content, dict) or content.get("muze_dataset") != 1:
        raise DatasetError(f'{path}: is no muze dataset; it should say "muze_dataset": 1')
    tracks = content.get("tracks")
    if not isinstance(tracks, list) or not tracks:
        raise DatasetError(f"{path}: has no tracks")
    for index, track in enumerate(tracks):
        try:
            TrackRecord.model_validate(track)
        except ValidationError as fault:
            raise DatasetError(f"{path}: {first_fault(fault, 'tracks', index)}") from None
    return Dataset(path, tuple(tracks))
