"""Records as Parquet: typed columns for the fields known, JSON for what fits none of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, BinaryIO, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel

from muze.core.errors import DatasetError
from muze.data.faults import is_finite
from muze.data.schema import WholeRecord
from muze.data.store import Record, to_json

TRACKS_A_GROUP = 128
"""Tracks of a row group: what is in memory while a file is written."""
TRACKS_A_BATCH = 16
"""Tracks that are in memory while a file is read."""
KEYS, MORE = "_keys", "_more"
"""Columns of JSON: the record's keys in order, and the fields that fit no column."""
VERSION = b"muze_dataset"
TYPES: dict[object, pa.DataType] = {
    str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()
}  # fmt: skip
NULL_IS_SAID = ("program",)
"""Parts of lists that are null where nothing is known; other parts are left out there."""
DAMAGED = (pa.ArrowException, OSError, RecursionError, TypeError, ValueError)
NO_FIT = (pa.ArrowException, OverflowError, TypeError, ValueError)


def write_parquet(file: BinaryIO, records: Iterable[Record]) -> None:
    """Write the records; ``read_parquet`` gives the same again.

    Raises:
        DatasetError: a record holds what is no JSON; names its audio.
    """
    schema = _schema()
    left = iter(records)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(itertools.islice(left, TRACKS_A_GROUP)):
            writer.write_table(_table(group, schema))


def read_parquet(path: Path, fields: Collection[str] | None = None) -> Iterator[Record]:
    """Yield the records, or those ``fields`` of each, a few in memory at a time.

    Columns that others have added are fields as well.

    Raises:
        DatasetError: the file is no Parquet or is damaged, or is no dataset of this version.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            version = (file.schema_arrow.metadata or {}).get(VERSION, b"1")
            if "audio_path" not in names or version != b"1":
                raise DatasetError(
                    f"{path}: is no muze dataset of version 1; it should have a column audio_path"
                )
            columns = [n for n in names if fields is None or n in fields or n in (KEYS, MORE)]
            for batch in file.iter_batches(TRACKS_A_BATCH, columns=columns):
                yield from _records(batch, fields)
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such dataset") from None
    except DAMAGED as fault:
        told = str(fault).partition("\n")[0]
        raise DatasetError(f"{path}: cannot be read as Parquet: {told}") from None


def _schema() -> pa.Schema:
    columns = {name: _type(field.annotation) for name, field in WholeRecord.model_fields.items()}
    typed = [(name, kind) for name, kind in columns.items() if kind is not None]
    return pa.schema([*typed, (KEYS, pa.string()), (MORE, pa.string())], {VERSION: b"1"})


def _type(annotation: Any) -> pa.DataType | None:  # Any: a type
    """Return the column's type for a field's; None for mappings of free keys, which are JSON."""
    plain = _plain(annotation)
    if get_origin(plain) is list:
        items = _type(get_args(plain)[0])
        return None if items is None else pa.list_(items)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return pa.struct([(n, _type(f.annotation)) for n, f in plain.model_fields.items()])
    return TYPES.get(plain)


def _plain(annotation: Any) -> Any:  # Any: a type
    """Return a type without its checks and without null; of several forms the last."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(args[0])
    if origin in (Union, UnionType):
        return _plain([arg for arg in args if arg is not NoneType][-1])
    return str if origin is Literal else annotation


def _table(records: Sequence[Record], schema: pa.Schema) -> pa.Table:
    more: list[Record] = [
        {key: value for key, value in record.items() if key not in schema.names[:-2]}
        for record in records
    ]
    arrays = []
    for column in schema:
        if column.name in (KEYS, MORE):
            continue
        values = [record.get(column.name) for record in records]
        array, odd = _fitted(values, column.type)
        arrays.append(array)
        for index in odd:
            more[index][column.name] = values[index]
    arrays.append(pa.array([to_json(list(r), r) for r in records], pa.string()))
    rest = [to_json(row, r) if row else None for row, r in zip(more, records, strict=True)]
    arrays.append(pa.array(rest, pa.string()))
    return pa.Table.from_arrays(arrays, schema=schema)


def _fitted(values: list[Any], kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Return a column, and which values come back from it as others and so are left out."""
    try:
        array = pa.array(values, kind)
    except NO_FIT:
        odd = [index for index, value in enumerate(values) if not _fits(value, kind)]
    else:
        back = _values(array)
        odd = [i for i, value in enumerate(values) if value != back[i] or _has_bool(value, kind)]
        if not _all_finite(array):
            odd = [i for i, value in enumerate(values) if i in odd or not is_finite(value)]
    if odd:
        array = pa.array([None if i in odd else v for i, v in enumerate(values)], kind)
    return array, odd


def _fits(value: object, kind: pa.DataType) -> bool:
    try:
        same = bool(_values(pa.array([value], kind))[0] == value)
        return same and is_finite(value) and not _has_bool(value, kind)
    except NO_FIT:
        return False


def _all_finite(array: pa.Array) -> bool:
    kind = array.type
    if pa.types.is_list(kind):
        return _all_finite(array.flatten())
    if pa.types.is_struct(kind):
        return all(map(_all_finite, array.flatten()))
    return not pa.types.is_floating(kind) or pc.all(pc.is_finite(array)).as_py() is not False


def _has_bool(value: object, kind: pa.DataType) -> bool:
    """Return whether a truth value stands in a column of numbers, where it would become 1.0."""
    if pa.types.is_boolean(kind) or pa.types.is_boolean(getattr(kind, "value_type", kind)):
        return False
    if isinstance(value, dict):
        value = [*value.values()]
    if not isinstance(value, list):
        return isinstance(value, bool)
    kinds = set(map(type, value))
    return bool in kinds or (bool(kinds & {list, dict}) and any(_has_bool(v, kind) for v in value))


def _records(batch: pa.RecordBatch, fields: Collection[str] | None) -> Iterator[Record]:
    columns = {
        name: _values(_cast(name, column))
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    keys = columns.pop(KEYS, [None] * len(batch))
    more = columns.pop(MORE, [None] * len(batch))
    for index in range(len(batch)):
        said = {name: values[index] for name, values in columns.items()}
        order = json.loads(keys[index] or "[]")
        rest = more[index] or "{}"
        if fields is None or any(json.dumps(key, ensure_ascii=False) in rest for key in fields):
            said |= json.loads(rest)
        record = {key: said[key] for key in order if key in said}
        record |= {k: v for k, v in said.items() if k not in record and v is not None}
        yield record if fields is None else {k: v for k, v in record.items() if k in fields}


def _cast(name: str, column: pa.Array) -> pa.Array:
    """Return a column as muze writes it: others write 21.0 for 21 where another track has none."""
    known = WholeRecord.model_fields.get(name)
    kind = None if known is None else _type(known.annotation)
    if kind is None or column.type == kind:
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:
        return column  # whoever reads the record tells what is wrong with it


def _values(array: pa.Array) -> list[Any]:
    """Return a column's values as JSON has them; parts of structs that are null are left out."""
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = array.offsets.to_numpy()
        first = int(offsets[0])
        items = _values(array.values.slice(first, int(offsets[-1]) - first))
        edges = itertools.pairwise((offsets - first).tolist())
        found: list[Any] = [items[start:end] for start, end in edges]
    elif pa.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        parts = [_values(array.field(i)) for i in range(kind.num_fields)]
        found = [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
        for name, part in zip(names, parts, strict=True):
            if name not in NULL_IS_SAID and None in part:
                for item in found:
                    if item[name] is None:
                        del item[name]
    elif array.null_count == 0 and (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        return array.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]
    else:
        return array.to_pylist()  # type: ignore[no-any-return]
    if array.null_count:
        there = array.is_valid().to_pylist()
        found = [value if valid else None for value, valid in zip(found, there, strict=True)]
    return found
