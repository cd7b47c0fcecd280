"""Embeddings: vectors of length 1, compared by their cosine, kept in records as lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.core.errors import DatasetError


def unit(embedding: ArrayLike) -> NDArray[np.float32]:
    """Return a vector (F,) brought to length 1; one of zeros stays so."""
    vector = np.asarray(embedding, np.float64)
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length else vector, np.float32)


def recalled(record: Mapping[str, Any], field: str, width: int) -> NDArray[np.float32] | None:
    """Return a record's embedding (width,) at length 1; None where it has none.

    Raises:
        DatasetError: it has another width, or is no list of numbers.
    """
    if (told := record.get(field)) is None:
        return None
    where = f"{record.get('audio_path', 'record')}: {field}"
    try:
        vector = np.asarray(told, np.float64)
    except (TypeError, ValueError):
        raise DatasetError(f"{where} is no list of numbers") from None
    if vector.shape != (width,):
        raise DatasetError(f"{where} has {vector.size} numbers; there should be {width}")
    if not np.isfinite(vector).all() or not vector.any():
        raise DatasetError(f"{where} is all zeros, or holds what is no number")
    return unit(vector)


def listed(embedding: NDArray[np.float32]) -> list[float]:
    """Return an embedding as it stands in a record: six decimals of each number."""
    return [round(float(x), 6) for x in embedding]
