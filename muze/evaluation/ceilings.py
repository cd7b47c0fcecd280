"""What each extractor hears in audio whose truth is known: the most a render can reach."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from muze.audio.io import write_whole
from muze.evaluation.intervals import Interval

FILE = Path(__file__).with_name("ceilings.json")
Row = Mapping[str, Any]


@cache
def read_ceilings(path: Path = FILE) -> dict[str, dict[str, Any]]:
    """Return what is known of each figure: its interval, and the extractor that heard it."""
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return found


def ceiling_of(row: Row) -> dict[str, Any] | None:
    """Return the ceiling of a row's figure; None where another extractor was measured, or none.

    It has ``mean``, ``low``, ``high`` and ``count``, the number of songs heard.
    """
    found = read_ceilings().get(f"{row['stream']}.{row['name']}")
    if found is None or found["extractor"] != row["extractor"]:
        return None
    return {key: found[key] for key in ("mean", "low", "high", "count")}


def write_ceilings(about: Mapping[str, Any], songs: Sequence[Sequence[Row]], path: Path) -> None:
    """Write the ceilings: ``songs`` are the rows of each song heard against its own truth."""
    values: dict[str, list[float]] = {}
    extractors: dict[str, str] = {}
    for rows in songs:
        for row in rows:
            key = f"{row['stream']}.{row['name']}"
            values.setdefault(key, []).append(row["value"])
            extractors[key] = row["extractor"]
    figures = {
        key: {
            **{name: round(value, 4) for name, value in vars(Interval.of(found)).items()},
            "extractor": extractors[key],
        }
        for key, found in sorted(values.items())
    }
    told = {"muze_ceilings": 1, "about": about, "figures": figures}
    write_whole(path, (json.dumps(told, indent=1) + "\n").encode())
