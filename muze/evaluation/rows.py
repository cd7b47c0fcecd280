"""Rows of figures: of the streams, and of whoever sings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SINGER = "singer"
"""Stands where other figures name their stream."""
SAME = ("name", "value", "unit", "higher_is_better", "floor")
"""What a singer's row has in common with a stream's."""


def key_of(row: Mapping[str, Any]) -> str:
    """Return the name of a row's figure among all: ``stream.name``."""
    return f"{row['stream']}.{row['name']}"


def singer_rows(voice: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the figures of an adherence's ``voice`` that are known, as rows of streams are."""
    return [
        {
            "stream": SINGER,
            **{key: row[key] for key in SAME},
            "dropped": None,
            "origin": "asked",
            "extractor": row["heard_by"],
            "ceiling": None,
        }
        for row in voice
        if row["value"] is not None
    ]


def all_rows(adherence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all figures of an adherence that are known: streams', the singer's, a vocoder's."""
    singer = singer_rows(adherence.get("voice", ()))
    return [*adherence["scores"], *singer, *adherence.get("vocoder", ())]
