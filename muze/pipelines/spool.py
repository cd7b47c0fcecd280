"""Records on their way into a dataset: on disk, so that memory holds only where each begins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from muze.data.store import Record


class Spool:
    """Records in a file without a name, which goes with the process that wrote it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115  (it lives as long as this does)

    def put(self, record: Record) -> int:
        """Write a record behind the others, and return its place.

        Raises:
            OSError: it cannot be written, as where the disk is full; names the folder.
        """
        try:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
        except OSError as fault:
            raise OSError(fault.errno, fault.strerror, str(self._folder)) from fault
        return place

    def text(self, place: int) -> bytes:
        """Return the record at a place as JSON of one line, ASCII."""
        self._file.seek(place)
        return self._file.readline()[:-1]

    def record(self, place: int) -> Record:
        """Return the record at a place."""
        found: Record = json.loads(self.text(place))
        return found

    def __enter__(self) -> Spool:
        """Return itself."""
        return self

    def __exit__(self, *_: Any) -> None:  # Any: what was raised
        """Drop the records."""
        self._file.close()
