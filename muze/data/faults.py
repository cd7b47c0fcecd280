"""What is wrong with a record: all of it at once, field by field."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from muze.data.fields import FORMS, SHOWN, form_of
from muze.data.schema import WholeRecord

ALIKE = 0.85
"""From here on a strange field's name is a known one misspelt (difflib's ratio)."""
OF_FORMS = ("genre", "phonemes_ipa", "provenance")
"""Fields that have several forms."""


def record_faults(record: object) -> list[tuple[str, str]]:
    """Return what is wrong with a record: which key, as ``segments.0.end``, and what."""
    if not isinstance(record, dict):
        return [("", "should be a mapping of fields")]
    found: list[tuple[str, str]] = []
    try:
        WholeRecord.model_validate(record)
    except ValidationError as fault:
        found += _told(fault.errors(include_url=False, include_context=False))
    for key, value in record.items():
        if key not in WholeRecord.model_fields:
            found += _strange(key, value, record)
    return found + _unreasoned(record)


def _told(errors: Iterable[Any]) -> list[tuple[str, str]]:  # Any: pydantic's error details
    """Return faults by key, few of any one field."""
    by_field: dict[str, list[tuple[str, str]]] = {}
    for error in errors:
        field, *under = (str(part) for part in error["loc"] if part != "[key]")
        if field in OF_FORMS and under and under[0] in FORMS:
            del under[0]
        text = error["msg"].removeprefix("Value error, ")
        by_field.setdefault(field, []).append((".".join([field, *under]), text))
    found = []
    for field, faults in by_field.items():
        found += faults[:SHOWN]
        if len(faults) > SHOWN:
            found.append((field, f"has {len(faults) - SHOWN} more faults"))
    return found


def _strange(key: str, value: object, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a field that is none of muze's own."""
    near = difflib.get_close_matches(key, WholeRecord.model_fields, 1, cutoff=ALIKE)
    if near and near[0] not in record:
        return [(key, f"is no field of a record; did you mean {near[0]!r}?")]
    return [] if is_finite(value) else [(key, "holds what is no number, nan or infinity")]


def is_finite(value: object) -> bool:
    """Return whether no number of what JSON may hold is nan or infinite."""
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, list):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _unreasoned(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return fields that are null without a reason, or have one and are not null."""
    made = record.get("provenance")
    if not isinstance(made, dict) or form_of(made) == "whole":
        return []
    found = []
    for key, value in record.items():
        told = made.get(key)
        reason = told.get("reason") if isinstance(told, dict) else None
        if value is None and not reason and key != "provenance":
            found.append((key, "is null, and provenance gives no reason"))
        elif value is not None and reason:
            found.append((key, f"is there, but provenance says why it is not: {reason}"))
    return found
