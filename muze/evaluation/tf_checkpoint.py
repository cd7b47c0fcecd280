"""Reads the arrays of a TensorFlow checkpoint (version 2), without TensorFlow or pickle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import CheckpointError

FOOTER, MAGIC = 48, 0xDB4775248B80FB57
"""Bytes at the end of a table that tell where its index lies, and the number they end with."""
FLOAT = 1
"""How a checkpoint calls 32-bit floats."""


def read_checkpoint(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float arrays of the nameless checkpoint in a folder, by name.

    Raises:
        CheckpointError: they are missing, damaged, or lie in several parts.
    """
    index, data = folder / ".index", folder / ".data-00000-of-00001"
    try:
        table, values = index.read_bytes(), data.read_bytes()
    except OSError as fault:
        raise CheckpointError(f"{folder}: cannot be read ({fault})") from None
    if len(table) < FOOTER or int.from_bytes(table[-8:], "little") != MAGIC:
        raise CheckpointError(f"{index}: is no index of a TensorFlow checkpoint")
    try:
        return dict(_arrays(table, values))
    except (IndexError, ValueError) as fault:
        raise CheckpointError(f"{index}: is damaged ({fault})") from None


def _arrays(table: bytes, values: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    at = len(table) - FOOTER
    for _ in range(2):  # where the index of other facts lies, which are not needed
        _, at = _varint(table, at)
    start, at = _varint(table, at)
    size, _ = _varint(table, at)
    for _, handle in _entries(table[start : start + size]):
        block, after = _varint(handle, 0)
        length, _ = _varint(handle, after)
        if table[block + length] != 0:
            raise ValueError("a block is compressed")
        for key, entry in _entries(table[block : block + length]):
            if not key:  # what holds for the whole checkpoint
                continue
            kind, shape, offset, num_bytes = _described(entry)
            if kind == FLOAT:
                array = np.frombuffer(values[offset : offset + num_bytes], "<f4")
                yield key.decode(), array.reshape(shape)


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block, whose keys leave out what they share with the last one."""
    if len(block) < 4:
        raise ValueError("a block is cut off")
    restarts = int.from_bytes(block[-4:], "little")
    at, end, key = 0, len(block) - 4 - 4 * restarts, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        yield key, block[at : at + size]
        at += size


def _described(entry: bytes) -> tuple[int, tuple[int, ...], int, int]:
    """Return kind, shape, offset and bytes of a ``BundleEntryProto``."""
    numbers: dict[int, int] = {}
    shape: list[int] = []
    for field, value in _fields(entry):
        if field == 2 and isinstance(value, bytes):
            sizes = [dict(_fields(dim)) for _, dim in _fields(value) if isinstance(dim, bytes)]
            shape = [int.from_bytes(s, "little") if isinstance(s, bytes) else s
                     for s in (size.get(1, 0) for size in sizes)]  # fmt: skip
        elif isinstance(value, int):
            numbers[field] = value
    return numbers.get(1, 0), tuple(shape), numbers.get(4, 0), numbers.get(5, 0)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield numbers and values of a protocol buffer's fields."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            size, at = _varint(message, at)
        elif tag & 7 in (1, 5):
            size = 8 if tag & 7 == 1 else 4
        else:
            raise ValueError(f"a field of kind {tag & 7}")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
