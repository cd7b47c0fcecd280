"""Rows as MusicBench has them (Melechovsky et al. 2023): captions, chords, beats, key, tempo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muze.core.theory import Chord
from muze.data.table_values import Fields

CAPTIONS = ("main_caption", "alt_caption")
FIRST = 1
"""The number of a bar's first beat."""


def is_musicbench(row: Mapping[str, Any]) -> bool:
    """Whether a row names its file and its chords as MusicBench does."""
    return "main_caption" in row or "chords_time" in row


def musicbench_values(
    row: Mapping[str, Any], length: float | None
) -> tuple[Fields, float | None, list[str]]:
    """Return a row's values under the names of fields, how sure the key is, and what is lost.

    A chord lasts until the next one, the last to the end of the sound, ``length`` seconds; a chord
    whose name cannot be read is left out.
    """
    lost: list[str] = []
    values = dict(row)
    prompts = [values.pop(name, None) for name in CAPTIONS]
    values["prompts"] = [text for text in prompts if isinstance(text, str) and text.strip()]
    values["chords"] = _chords(values.get("chords"), values.pop("chords_time", None), length, lost)
    times, numbers = _beats(values.pop("beats", None), lost)
    values["beat_positions"] = times
    values["downbeat_positions"] = [
        time for time, number in zip(times, numbers, strict=True) if number == FIRST
    ]
    key = values.get("key")
    values["key"] = " ".join(map(str, key)) if isinstance(key, list) else key
    sure = values.pop("keyprob", None)
    sure = sure[0] if isinstance(sure, list) and sure else sure
    known = isinstance(sure, int | float) and 0 <= sure <= 1
    return {k: v for k, v in values.items() if v != []}, float(sure) if known else None, lost


def _chords(
    names: Any,  # Any: JSON
    times: Any,
    length: float | None,
    lost: list[str],
) -> list[Fields]:
    if not names and not times:
        return []
    if not _numbers(times) or not isinstance(names, list) or len(names) != len(times):
        lost.append("chords: chords_time should have a number for each of them; they are left out")
        return []
    ends = [*times[1:], length]
    if length is None or length <= times[-1]:
        lost.append(f"chords: the last, {names[-1]}, has no end in the sound; it is left out")
        names, times, ends = names[:-1], times[:-1], ends[:-1]
    spans = []
    for name, start, end in zip(names, times, ends, strict=True):
        try:
            chord = str(Chord.parse(str(name)) or "N")
        except ValueError as fault:
            lost.append(f"chords: {fault}; it is left out")
            continue
        spans.append({"chord": chord, "start": float(start), "end": float(end)})
    return spans


def _beats(told: Any, lost: list[str]) -> tuple[list[float], list[float]]:  # Any: JSON
    """Return the times of beats and their numbers in the bar."""
    if not told:
        return [], []
    pair = isinstance(told, list) and len(told) == 2 and all(map(_numbers, told))
    if not pair or len(told[0]) != len(told[1]):
        lost.append("beats: should be a list of times and as many numbers; they are left out")
        return [], []
    return [float(time) for time in told[0]], told[1]


def _numbers(told: Any) -> bool:  # Any: JSON
    return isinstance(told, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in told
    )
