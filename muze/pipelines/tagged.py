"""What a sound file's own tags say of a track, in the words of a record."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from muze.audio.tags import read_tags
from muze.audio.written import genres_known, language_known

Fields = dict[str, Any]  # Any: JSON
TAGGED = ("title", "artist", "album", "genre", "lyrics")
"""Fields that are from nowhere else, unless a table or a listener tells them."""


def read_tagged(path: Path) -> Fields:
    """Return the record's fields that a file's tags fill, who read them, and what went wrong.

    ``genre`` holds the names that the genre stream knows; all that is written is in ``tags``.
    """
    tags = read_tags(path)
    fields: Fields = {
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "genre": genres_known(tags.genre) or None,
        "lyrics": tags.lyrics,
        "language": language_known(tags.language) if tags.language else None,
        "tags": tags.raw or None,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    return {"fields": told, "backend": f"mutagen {version('mutagen')}", "note": tags.note}
