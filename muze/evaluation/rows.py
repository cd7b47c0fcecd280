"""Rows of figures: of the streams, and of whoever sings."""

from __future__ import annotations

from collections import Counter
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


def missing(voices: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the singer's figures that songs lack, by their ``voice``: why, and in how many."""
    lacking = [row for voice in voices for row in voice if row["value"] is None]
    found = Counter((row["name"], row["reason"]) for row in lacking)
    return [{"stream": SINGER, "name": name, "reason": reason, "songs": num}
            for (name, reason), num in found.items()]  # fmt: skip


def told_missing(row: Mapping[str, Any], num_songs: int = 1) -> str:
    """Return in words what is missing of how many songs."""
    where = f" of {row['songs']} of {num_songs} songs" if num_songs > 1 else ""
    return f"{row['stream']}: no {row['name']}{where}: {row['reason']}"


def all_rows(adherence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all figures of an adherence that are known: streams', the singer's, a vocoder's."""
    singer = singer_rows(adherence.get("voice", ()))
    return [*adherence["scores"], *singer, *adherence.get("vocoder", ())]
