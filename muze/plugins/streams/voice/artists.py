"""Voices by name: the mean embeddings of a dataset's artists, in a file beside the song."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muze.analysis.embeddings import listed, recalled
from muze.core.errors import DatasetError, ManifestError, did_you_mean

SUFFIX = "artist_embeddings.json"
SHOWN = 6
"""Names that are told where one is not known."""


def find_artist(name: str, folder: Path, widths: Mapping[str, int]) -> dict[str, list[float]]:
    """Return an artist's embeddings by field, those of ``widths`` that the file has.

    The files are ``artist_embeddings.json`` and ``<dataset>.artist_embeddings.json`` in
    ``folder``; one gives by artist a list, the embedding of the first field, or a mapping of
    fields.

    Raises:
        ManifestError: there is no such file, none has the artist, or two have.
        DatasetError: a file cannot be read, or an embedding makes no sense.
    """
    known = {file: read_artists(file) for file in artist_files(folder)}
    if not known:
        raise ManifestError(
            f"{name!r} is no recording, and no {SUFFIX} lies beside the song to look it up in; "
            f"put that of the model's dataset there, as songs.{SUFFIX}, or give a recording"
        )
    having = [file for file, artists in known.items() if name in artists]
    if not having:
        names = sorted({artist for artists in known.values() for artist in artists})
        raise ManifestError(
            f"there is no artist {name!r} in {_listed(known)}{_nearest(name, names)}"
        )
    if len(having) > 1:
        raise ManifestError(f"{name!r} is an artist in each of {_listed(having)}; leave one there")
    told = known[having[0]][name]
    entry = told if isinstance(told, dict) else {next(iter(widths)): told}
    record = {"audio_path": f"{having[0].name}: {name}", **entry}
    found = {field: recalled(record, field, width) for field, width in widths.items()}
    given = {field: listed(x) for field, x in found.items() if x is not None}
    if not given:
        raise DatasetError(f"{having[0]}: {name}: has neither {' nor '.join(widths)}")
    return given


def artist_files(folder: Path) -> list[Path]:
    """Return the files of artists in a folder, by name."""
    return sorted(
        file for file in folder.glob(f"*{SUFFIX}") if f".{file.name}".endswith(f".{SUFFIX}")
    )


def read_artists(file: Path) -> dict[str, Any]:  # Any: as JSON holds it
    """Return what a file says of each artist.

    Raises:
        DatasetError: it cannot be read, or is no mapping.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise DatasetError(f"{file}: cannot be read as JSON: {fault}") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{file}: must be a mapping of artists to their embeddings")
    return content


def _listed(files: Any) -> str:
    return " and ".join(file.name for file in files)


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, SHOWN, cutoff=0.5)
    if len(near) > 1:
        return f"{did_you_mean(name, names)} Near it are {', '.join(near)}"
    more = ", ..." if len(names) > SHOWN else ""
    return did_you_mean(name, names) or f"; it has {', '.join(names[:SHOWN])}{more}"
