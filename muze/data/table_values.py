"""What the columns of a table of metadata mean, as a track's record has it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from muze.audio.tags import RAW_LETTERS
from muze.audio.written import genres_known, key_known, language_known
from muze.core.theory import Chord, Key
from muze.data.schema import WholeRecord

Fields = dict[str, Any]  # Any: JSON
SYNONYMS = {
    "bpm": "tempo", "caption": "prompt", "description": "prompt", "captions": "prompts",
    "genres": "genre", "metre": "time_signature", "meter": "time_signature", "year": "date",
    "artist_name": "artist", "track_title": "title", "track_name": "title",
    "album_title": "album", "musical_key": "key",
}  # fmt: skip
OF_THE_SOUND = ("audio_path", "duration", "sample_rate", "channels", "audio_sha256", "provenance")
"""Fields that a table is not asked about."""
APART = re.compile(r"[\s,;|]+")


def plain_name(column: str) -> str:
    """Return a column's name as fields are named: ``audio_path`` of ``Audio Path``."""
    return re.sub(r"[\s-]+", "_", column.strip()).lower()


def is_field(column: str) -> bool:
    """Whether a column tells a field of a record."""
    name = SYNONYMS.get(column, column)
    return name != "tags" and (name in READERS or name in WholeRecord.model_fields)


def read_values(values: Mapping[str, Any]) -> tuple[Fields, dict[str, str], list[str]]:
    """Return the fields of a record, the columns that are none as tags, and what is wrong.

    Empty cells and nulls say nothing.
    """
    fields: Fields = {}
    tags: dict[str, str] = {}
    faults: list[str] = []
    prompts: list[str] = []
    said: dict[str, str] = {}
    for column, value in values.items():
        name = SYNONYMS.get(column, column)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if name in OF_THE_SOUND:
            continue
        if not is_field(column):
            tags[column] = written(value)
            continue
        try:
            told = (READERS.get(name) or _as(name, _from_json))(value)
        except ValueError as fault:
            faults.append(f"{column}: {fault}")
            continue
        if name in ("prompt", "prompts"):
            prompts += told[name]
            continue
        if name in said:
            faults.append(f"{column}: {said[name]} tells {name} too")
        said[name] = column
        if "unknown" in told:
            tags[column] = told.pop("unknown")
        fields |= told
    if "key" in fields:
        fields.setdefault("key_index", Key.parse(fields["key"]).index)
    elif "key_index" in fields:
        fields["key"] = str(Key.of_index(fields["key_index"]))
    if prompts:
        prompts = list(dict.fromkeys(prompts))
        fields |= {"prompt": prompts[0], "prompts": prompts}
    return fields, tags, faults


def written(value: Any) -> str:
    """Return a value as text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:RAW_LETTERS]


def _from_json(value: Any) -> Any:
    """Return a value; one that is text is read as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(f"{value[:40]!r} is no JSON") from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{written(value)[:40]} should be text")


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{written(value)[:40]!r} is no number")
    return number


def _yes(value: Any) -> bool:
    told = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    plain = str(value).strip().lower()
    if plain not in told:
        raise ValueError(f"{written(value)[:40]!r} should be true or false")
    return told[plain]


def _items(value: Any) -> list[Any]:
    """Return a list; text is read as a JSON list, or as words or numbers apart."""
    if isinstance(value, str):
        told = _from_json(value) if value.lstrip().startswith("[") else APART.split(value.strip())
    else:
        told = value
    if not isinstance(told, list):
        raise ValueError(f"{written(value)[:40]} should be a list")
    return told


def _texts(value: Any) -> list[str]:
    listed = isinstance(value, list) or (isinstance(value, str) and value.startswith('["'))
    texts = [_text(item) for item in (_items(value) if listed else [value])]
    return [text for text in texts if text]


def _genre(value: Any) -> Fields:
    """Return the genres that are known; where one is not, what was written stays beside them."""
    texts = _texts(value)
    told: Fields = {"genre": genres_known(texts)} if genres_known(texts) else {}
    parts = [part for text in texts for part in re.split(r"[/;,|]", text) if part.strip()]
    if not all(genres_known([part]) for part in parts):
        told["unknown"] = ", ".join(texts)
    return told


def _key(value: Any) -> str:
    key = key_known(_text(value))
    if key is None:
        raise ValueError(f"{_text(value)[:40]!r} is no key; write it like A minor, Am or 8A")
    return str(key)


def _key_index(value: Any) -> int:
    number = _number(value)
    if not 0 <= number <= 23 or number != int(number):
        raise ValueError(f"{number:g} is no index of a key, 0 to 23")
    return int(number)


def _chords(value: Any) -> Fields:
    """Return chords with their times, or, where none are told, their names in order."""
    names: list[str] = []
    spans: list[Fields] = []
    for item in _items(value):
        if isinstance(item, dict) and {"chord", "start", "end"} <= set(item):
            item = [item["start"], item["end"], item["chord"]]
        if isinstance(item, str):
            names.append(_chord(item))
        elif isinstance(item, list) and len(item) == 3:
            names.append(_chord(item[2]))
            times = {"start": _number(item[0]), "end": _number(item[1])}
            spans.append({"chord": names[-1], **times})
        else:
            raise ValueError(
                f"{written(item)[:40]} is no chord; write them like Am F C G, or "
                '[{"chord": "Am", "start": 0.0, "end": 2.0}]'
            )
    timed = {"chords": spans} if spans and len(spans) == len(names) else {}
    return {"chord_progression": names, **timed}


def _chord(value: Any) -> str:
    return str(Chord.parse(_text(value)) or "N")


def _progression(value: Any) -> list[str]:
    return [_chord(item) for item in _items(value)]


def _language(value: Any) -> str:
    code = language_known(_text(value))
    if code is None:
        raise ValueError(f"{_text(value)[:40]!r} is no language; write its ISO 639 code, as en")
    return code


def _numbers(value: Any) -> list[float]:
    return [_number(item) for item in _items(value)]


def _beats(value: Any) -> Fields:
    beats = _numbers(value)
    return {"beat_positions": beats, "num_beats": len(beats)}


def _as(name: str, read: Callable[[Any], Any]) -> Callable[[Any], Fields]:
    return lambda value: {name: read(value)}


READERS: dict[str, Callable[[Any], Fields]] = {
    **{name: _as(name, _text) for name in
       ("title", "artist", "album", "date", "lyrics", "time_signature")},
    **{name: _as(name, _number) for name in ("tempo", "loudness", "sentiment_score")},
    **{name: _as(name, _texts) for name in ("prompt", "prompts")},
    "has_vocals": _as("has_vocals", _yes),
    "genre": _genre,
    "key": _as("key", _key),
    "key_index": _as("key_index", _key_index),
    "language": _as("language", _language),
    "chords": _chords,
    "chord_progression": _as("chord_progression", _progression),
    "beat_positions": _beats,
    "downbeat_positions": _as("downbeat_positions", _numbers),
}  # fmt: skip
"""How a field is read; the others are JSON."""
