"""A track's record: what a dataset knows about one recording, under the specification's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muze.core.errors import DatasetError
from muze.core.grid import FRAME_RATE, Metre, SectionSpan, TempoMark, TimeGrid


def track_grid(record: Mapping[str, Any], frame_rate: float = FRAME_RATE) -> TimeGrid:
    """Return the grid of a whole track: its tempo map, metre and sections.

    Raises:
        DatasetError: the record lacks ``duration`` or ``tempo``.
    """
    for field in ("duration", "tempo"):
        if not record.get(field):
            raise DatasetError(f"track {record.get('audio_path')!r} has no {field}")
    marks = record.get("tempo_map") or [{"beat": 0.0, "bpm": record["tempo"]}]
    beats = record.get("beat_positions") or [0.0]
    return TimeGrid.of_song(
        float(record["duration"]),
        tuple(TempoMark(float(mark["beat"]), float(mark["bpm"])) for mark in marks),
        Metre.parse(record.get("time_signature") or "4/4"),
        tuple(
            SectionSpan(part["type"], float(part["start"]), float(part["end"]))
            for part in record.get("segments") or ()
        ),
        first_beat=float(beats[0]),
        frame_rate=frame_rate,
    )
