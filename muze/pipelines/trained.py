"""What a model was told in training, so that it is not asked for what it never met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from muze.core.grid import Features, TimeGrid
from muze.core.protocols import Stream
from muze.data.store import Record

Unseen = dict[str, list[int]] | None
"""By array of a stream's features: the rows that were zero throughout the training.

None where no record told the stream anything.
"""


def unseen_rows(
    streams: Mapping[str, Stream], records: Sequence[Record], grids: Sequence[TimeGrid]
) -> dict[str, Unseen]:
    """Return, by stream, the rows of its features that no record ever fills.

    The weights of such a row are as random as they began: a song that fills it gets noise. Tokens
    have no rows of their own, and are left out.
    """
    from muze.data.conditions import recalled  # imports torch, which planning does without

    out: dict[str, Unseen] = {}
    for name, stream in streams.items():
        seen: dict[str, np.ndarray[Any, np.dtype[np.bool_]]] = {}
        told = False
        for record, grid in zip(records, grids, strict=True):
            features = recalled(stream, record, grid)
            told = told or features is not None
            for array, here in _filled(stream, features or {}).items():
                seen[array] = seen.get(array, np.zeros_like(here)) | here
        rows = {
            array: [int(row) for row in np.flatnonzero(~found)] for array, found in seen.items()
        }
        out[name] = {array: missing for array, missing in rows.items() if missing} if told else None
    return out


def still_unseen(rows: dict[str, Unseen], before: Mapping[str, Unseen]) -> dict[str, Unseen]:
    """Return what is unseen after a training that started from a model that lacked ``before``."""
    out: dict[str, Unseen] = {}
    for name, now in rows.items():
        then = before.get(name)
        if now is None or then is None:
            out[name] = then if now is None else now
            continue
        both = {array: sorted({*now[array]} & {*then.get(array, [])}) for array in now}
        out[name] = {array: missing for array, missing in both.items() if missing}
    return out


def is_unseen(stream: Stream, features: Features, unseen: Mapping[str, list[int]]) -> bool:
    """Whether features fill a row that was zero throughout a model's training."""
    return any(
        np.isin(np.flatnonzero(found), unseen.get(array, [])).any()
        for array, found in _filled(stream, features).items()
    )


def _filled(stream: Stream, features: Features) -> dict[str, Any]:
    """By array: which rows are anywhere other than zero, (F,) bool."""
    return {
        array: np.asarray(features[array]).reshape(len(features[array]), -1).any(axis=1)
        for array, kind in stream.layout.items()
        if kind != "tokens" and array in features
    }
