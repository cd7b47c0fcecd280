"""The voices of a dataset's artists: for each the mean of the embeddings of their tracks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.analysis.embeddings import listed, recalled, unit
from muze.audio.io import write_whole
from muze.core.errors import DatasetError
from muze.data.names import folded
from muze.data.store import Record, iterate_dataset

WIDTHS = {"voice_embedding": 256, "ecapa_embedding": 192}
"""Embeddings of voices: the record's fields."""
ALIKE = 0.5
"""Mean cosine of an artist's tracks below which it may be two artists, or several singers."""
SUFFIX = ".artist_embeddings.json"
Voices = dict[str, dict[str, list[NDArray[np.float32]]]]
"""Embeddings of length 1 by artist and field, one of each track."""


@dataclass(frozen=True)
class Artists:
    """Embeddings of length 1 by artist and field, of how many tracks, and what to look at."""

    embeddings: dict[str, dict[str, list[float]]]
    tracks: dict[str, int]
    notes: tuple[str, ...]


def artist_embeddings(dataset: Path) -> Artists:
    """Return the mean voices of all artists who have one, by name.

    Every track weighs the same. Notes tell names that differ in nothing but capitals, spaces or
    their form of Unicode, and artists whose tracks do not sound like one voice.

    Raises:
        DatasetError: no track has both an artist and an embedding, an embedding makes no sense, or
            the dataset is none.
    """
    fields = ("artist", "provenance", *WIDTHS)
    voices, tracks, makers = _collect(iterate_dataset(dataset, fields))
    if not voices:
        raise DatasetError(
            f"{dataset}: no track has both an artist and one of {', '.join(WIDTHS)}; "
            "a build hears them with the stream voice"
        )
    embeddings: dict[str, dict[str, list[float]]] = {}
    notes = _alike_names(sorted(voices))
    notes += [
        f"{field} is of {' and of '.join(sorted(made))}; their means make no sense together"
        for field, made in makers.items()
        if len(made) > 1
    ]
    for name in sorted(voices):
        means = {}
        for field, vectors in voices[name].items():
            total = np.asarray(np.sum(vectors, axis=0, dtype=np.float64))
            agreement = _mean_cosine(total, len(vectors))
            if agreement < ALIKE:
                notes.append(
                    f"{name!r}: {field} of {len(vectors)} tracks has a mean cosine of "
                    f"{agreement:.2f}; it may be several voices"
                )
            if np.linalg.norm(total) > 1e-6 * len(vectors):
                means[field] = listed(unit(total))
        if means:
            embeddings[name] = means
        else:
            notes.append(f"{name!r}: is left out, as the voices of its tracks cancel out")
    return Artists(embeddings, {name: tracks[name] for name in embeddings}, tuple(notes))


def write_artists(artists: Artists, dataset: Path) -> Path:
    """Write ``<name>.artist_embeddings.json`` beside the dataset, and return its path.

    Songs name an artist of it as a voice (``muze.plugins.streams.voice``).
    """
    path = dataset.with_name(dataset.stem + SUFFIX)
    text = json.dumps(artists.embeddings, ensure_ascii=False, indent=1)
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path


def _collect(
    records: Iterable[Record],
) -> tuple[Voices, Mapping[str, int], Mapping[str, set[str]]]:
    """Return each artist's embeddings, of how many tracks they are, and who made each field."""
    voices: Voices = defaultdict(lambda: defaultdict(list))
    tracks: dict[str, int] = defaultdict(int)
    makers: dict[str, set[str]] = defaultdict(set)
    for record in records:
        name = record.get("artist")
        if not isinstance(name, str) or not name.strip():
            continue
        found = {field: recalled(record, field, width) for field, width in WIDTHS.items()}
        given = {field: vector for field, vector in found.items() if vector is not None}
        for field, vector in given.items():
            voices[name][field].append(vector)
            made = (record.get("provenance") or {}).get(field)
            if isinstance(made, dict):
                makers[field].add(str(made.get("backend")))
        tracks[name] += bool(given)
    return voices, tracks, makers


def _mean_cosine(total: NDArray[np.float64], count: int) -> float:
    """Return the mean cosine of every two of ``count`` vectors of length 1; 1 of a single one."""
    if count < 2:
        return 1.0
    return float((total @ total - count) / (count * (count - 1)))


def _alike_names(names: Sequence[str]) -> list[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[folded(name)].append(name)
    return [
        f"{' and '.join(map(repr, group))} may be the same artist; each is kept by itself"
        for group in groups.values()
        if len(group) > 1
    ]
