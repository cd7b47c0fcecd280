"""A dataset written elsewhere, or in the other format: its tracks still find their sound."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from muze.core.errors import DatasetError, did_you_mean
from muze.data.fields import form_of
from muze.data.schema import WholeRecord
from muze.data.store import ALWAYS, Record, iterate_dataset, known_suffix, write_dataset
from muze.report import Report

OF_PATHS = "_path"
"""What the names of fields end in that lie relative to the dataset."""


class Rebase:
    """Records of one dataset as another says them: paths from the other's folder."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source.parent.absolute(), target.parent.absolute()
        self.absolute = False
        """Whether a path had to be absolute, for want of a root that both have."""
        self._way: str | None
        try:
            self._way = os.path.relpath(self.source, self.target)
            if (self.target / self._way).resolve() != self.source.resolve():  # links lead elsewhere
                self.target = self.target.resolve()
                self._way = os.path.relpath(self.source.resolve(), self.target)
        except ValueError:  # drives of Windows
            self._way = None

    def __call__(self, record: Record) -> Record:
        """Return the record with its paths from the target's folder."""
        if self._way == ".":
            return record
        paths = {
            key: self._path(value)
            for key, value in record.items()
            if key.endswith(OF_PATHS) and isinstance(value, str) and not os.path.isabs(value)
        }
        return {**record, **paths}

    def _path(self, path: str) -> str:
        if self._way is None:
            self.absolute = True
            return (self.source / path).resolve().as_posix()
        joined = self.target / self._way / path
        plain = os.path.relpath(os.path.normpath(joined), self.target)
        if ".." in Path(path).parts and (self.target / plain).resolve() != joined.resolve():
            return Path(self._way, path).as_posix()  # what would be left out is a link
        return Path(plain).as_posix()


def convert_dataset(
    source: Path, target: Path, report: Report, fields: Collection[str] | None = None
) -> None:
    """Write a dataset under another name, as JSON or Parquet by what that ends in.

    With ``fields`` only those are written, besides audio_path and duration.

    Raises:
        DatasetError: one of the datasets is none, both are the same file, or no track has one of
            the fields.
    """
    known_suffix(target)
    if target.exists() and target.samefile(source):
        raise DatasetError(f"{target}: is the dataset itself; give another name")
    rebase = Rebase(source, target)

    def records() -> Iterator[Record]:
        seen: set[str] = set()
        for record in iterate_dataset(source, fields):
            seen |= record.keys()
            yield rebase(record if fields is None else chosen(record, fields))
        for name in fields or ():
            if name not in seen:
                hint = did_you_mean(name, [k for k in WholeRecord.model_fields if k != name])
                raise DatasetError(f"{source}: no track has a field {name!r}{hint}")

    write_dataset(target, records())
    if rebase.absolute:
        report.note(f"{target}: paths are absolute; no root is common to it and {source}")


def chosen(record: Record, fields: Collection[str]) -> Record:
    """Return only some fields of a record, and who made those of them."""
    kept = {key: value for key, value in record.items() if key in (*ALWAYS, *fields)}
    made = kept.get("provenance")
    if isinstance(made, Mapping) and form_of(made) == "fields":
        kept["provenance"] = {key: value for key, value in made.items() if key in kept}
    return kept
