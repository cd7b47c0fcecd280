"""What every stream must do with a track's dataset record."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from muze.core.errors import MuzeError
from muze.testing.settings import require, short
from muze.testing.streams import SONG, StreamCase, follows_layout, same_widths

TRACK = {"audio_path": "check.wav", "duration": SONG.duration, "tempo": 120.0}
"""What every record says."""


def check_record(case: StreamCase) -> None:
    """What fields writes into a track's record, recall reads back."""
    for drawn in [*case.parsed, case.heard["chords"]]:
        written = case.stream.fields(drawn, SONG)
        try:
            record = json.loads(json.dumps(written))
        except TypeError as fault:
            raise AssertionError(f"fields gives what JSON cannot hold: {fault}") from None
        recalled = case.stream.recall({"audio_path": "check.wav", **record}, SONG)
        if recalled is None:
            continue
        follows_layout(case, recalled, SONG, "recall")
        same_widths(case, recalled, drawn, "recall")
        again = json.loads(json.dumps(case.stream.fields(recalled, SONG)))
        require(
            _close(record, again),
            f"fields wrote {short(record)}; recalled and written again it is {short(again)}",
        )


def check_empty_record(case: StreamCase) -> None:
    """A record that does not say it, or says null, is recalled alike and without a fault."""
    keys = {
        key: value
        for drawn in [*case.parsed, case.heard["chords"]]
        for key, value in case.stream.fields(drawn, SONG).items()
        if key not in TRACK
    }
    silent = case.stream.recall(TRACK, SONG)
    null = case.stream.recall({**TRACK, **dict.fromkeys(keys)}, SONG)
    require(
        (silent is None) == (null is None),
        f"recall takes null in {', '.join(keys)} for something said; null is nothing",
    )
    empty: dict[str, list[Any]] = {
        key: [] for key, value in keys.items() if isinstance(value, list)
    }
    try:
        nothing = case.stream.recall({**TRACK, **empty}, SONG)
    except MuzeError:  # told that a list must have entries
        nothing = None
    for recalled in (silent, null, nothing):
        if recalled is not None:
            follows_layout(case, recalled, SONG, "recall of a record that says nothing")


def check_recall_window(case: StreamCase) -> None:
    """A window of a track recalls what the whole track recalls there."""
    first, frames = 137, 300
    window = SONG.window(first, frames)
    for drawn in [*case.parsed, *case.heard.values()]:
        record = {"audio_path": "check.wav", **case.stream.fields(drawn, SONG)}
        whole, part = (case.stream.recall(record, grid) for grid in (SONG, window))
        require(
            (whole is None) == (part is None),
            "recall speaks of the song or of its window, not both",
        )
        if whole is None or part is None:
            continue
        follows_layout(case, part, window, "recall of a window")
        for name, kind in case.cls.layout.items():
            if kind == "frames":
                cut = whole[name][:, first : first + frames]
                require(
                    np.allclose(cut, part[name], atol=1e-4),
                    f"{name} recalled on a window differs from the same frames of the song",
                )


def _close(first: Any, second: Any) -> bool:
    """Equal but for the rounding of numbers: 1 %, or two frames of 10 ms."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_close(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_close, first, second))
    if isinstance(first, float) or isinstance(second, float):
        return math.isclose(first, second, rel_tol=0.01, abs_tol=0.02)
    return bool(first == second)


CHECKS = (
    check_record,
    check_empty_record,
    check_recall_window,
)
