"""Two recordings, or two models on the same suite, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muze.core.errors import MuzeError
from muze.evaluation.copy_synthesis import compare_copies
from muze.evaluation.frechet import check_same
from muze.evaluation.intervals import differences, means
from muze.evaluation.rows import all_rows, key_of
from muze.evaluation.suite_run import TOLD, values

Row = dict[str, Any]


def compare_suites(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """Return a row a figure: the means of two evaluations and their paired difference.

    ``difference`` is second less first, over the songs that both have, with its 95 % interval.

    Raises:
        MuzeError: they have no song in common, one of theirs was asked for something else, or
            what heard them is of other versions.
    """
    by_name = [{song["name"]: song for song in found["songs"]} for found in (first, second)]
    common = [name for name in by_name[0] if name in by_name[1]]
    if not common:
        raise MuzeError("the two evaluations have no song in common; run both on the same suite")
    sides = [[each[name] for name in common] for each in by_name]
    for one, other in zip(*sides, strict=True):
        if (one["prompt"], one["seconds"]) != (other["prompt"], other["seconds"]):
            raise MuzeError(f"{one['name']}: is another song in the second evaluation")
        for key, heard_by in heard_otherwise(one[TOLD], other[TOLD]).items():
            raise MuzeError(
                f"{key} was heard by {heard_by[0]} and by {heard_by[1]}, whose figures cannot be "
                "compared; evaluate both with the same versions"
            )
    if "sound" in first and "sound" in second:
        check_same([first["sound"], second["sound"]])
    a, b = (values(side, TOLD) for side in sides)
    columns = {"a": means(a), "b": means(b), "difference": differences(b, a)}
    rows = []
    for row in first["figures"]:
        key = key_of(row)
        if key in columns["difference"]:
            found = {name: row[name] for name in ("stream", "name", "unit", "higher_is_better",
                                                  "floor", "ceiling", "extractor")}  # fmt: skip
            rows.append(found | {name: dict(vars(each[key])) for name, each in columns.items()})
    if all(TOLD in found.get("sound", {}) for found in (first, second)):
        rows.append(_sound_row(first["sound"], second["sound"]))
    if "copy_synthesis" in first and "copy_synthesis" in second:
        rows += compare_copies(first["copy_synthesis"], second["copy_synthesis"])
    return rows


def _sound_row(first: Mapping[str, Any], second: Mapping[str, Any]) -> Row:
    """Return the Frechet distances; they are of all songs at once, and so have no interval."""
    a, b = (float(side[TOLD]["distance"]) for side in (first, second))
    return {
        "stream": "sound", "name": "Frechet distance", "unit": "distance",
        "higher_is_better": False, "floor": None, "ceiling": None, "extractor": first["embedding"],
        "a": a, "b": b, "difference": b - a,
    }  # fmt: skip


def heard_otherwise(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    """Return by what both heard a figure, where that differs: it cannot be compared.

    That is another version, or a voice in its stem and one that was taken out of a mix.
    """
    others = {key_of(row): row["extractor"] for row in all_rows(second)}
    both = [(key_of(row), row["extractor"]) for row in all_rows(first)]
    return {key: (by, others[key]) for key, by in both if others.get(key, by) != by}


def compare_recordings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """Return a row a figure of two adherences of one plan: both values, and second less first.

    One song says nothing of chance, so there is no interval. What was ``heard_otherwise`` has none.
    """
    others = {key_of(row): row for row in all_rows(second)}
    unlike = heard_otherwise(first, second)
    rows = []
    for row in all_rows(first):
        if (other := others.get(key_of(row))) is None or key_of(row) in unlike:
            continue
        found = {name: value for name, value in row.items() if name not in ("value", "dropped")}
        a, b = row["value"], other["value"]
        rows.append(found | {"a": a, "b": b, "difference": b - a})
    return rows
