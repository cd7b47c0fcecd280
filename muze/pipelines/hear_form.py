"""The tempo map and the sections of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muze.core.grid import TimeGrid
from muze.pipelines.annotation import Fields
from muze.pipelines.hear_stream import WORDS_SECONDS
from muze.pipelines.heard_track import HeardTrack, digest

if TYPE_CHECKING:
    from muze.pipelines.annotate import Listener

OTHER_TEMPO = 0.04
"""Share by which a tempo that is told may differ from the beats heard, and still be theirs."""


def map_tempo(track: HeardTrack) -> None:
    """Fill the tempo map of the beats heard, whose beat 0 is the first downbeat."""
    from muze.analysis.tempo_map import tempo_map

    beats = track.record.get("beat_positions") or []
    if len(beats) < 2 or track.record.get("tempo_map"):
        return
    downbeats = track.record.get("downbeat_positions") or beats
    first = int(np.abs(np.asarray(beats) - downbeats[0]).argmin())
    if len(beats) - first < 2:
        return
    marks = tempo_map(beats, first)
    middle = float(np.median(60 / np.diff(beats)))
    told = track.task.told.get("tempo")
    if told and abs(middle / told - 1) > OTHER_TEMPO:
        return  # who told the tempo does not count the beats that are heard
    by = dict(track.provenance.get("beat_positions", {}))
    track.record["tempo_map"] = [{"beat": m.beat, "bpm": m.bpm} for m in marks]
    track.provenance["tempo_map"] = by
    if not track.knows("tempo"):
        track.record["tempo"] = round(middle, 2)
        track.provenance["tempo"] = dict(by)


def find_segments(track: HeardTrack, by: Listener) -> None:
    """Fill the sections: type, start and end [s], energy 0..1, confidence."""
    from muze.analysis.structure import hear_segments

    if track.record.get("segments"):
        return
    grid, sung = track.grid, _sung(track, by)

    def work() -> Fields:
        vocals = None if sung is None else _drawn(sung, grid)
        found = hear_segments(track.mono.audio, grid, vocals)
        return {
            "segments": [
                {"type": s.type, "start": round(s.start, 3), "end": round(s.end, 3),
                 "energy": round(s.energy, 3), "confidence": round(s.confidence, 3)}
                for s in found
            ]
        }  # fmt: skip

    asked = {"version": 1, "grid": digest(grid), "sung": sung}
    heard = track.memory.find("segments", asked, work)
    track.record |= heard
    track.provenance["segments"] = {"backend": "muze structure analysis", "version": "1"}


def _sung(track: HeardTrack, by: Listener) -> list[list[float]] | None:
    """When somebody sings, in seconds; None where that is not known of all the track."""
    if track.record.get("has_vocals") is False:
        return []
    words = track.record.get("words")
    whole = by.whisper_full or track.record["duration"] <= WORDS_SECONDS
    return [[w["start"], w["end"]] for w in words] if words and whole else None


def _drawn(spans: Sequence[Sequence[float]], grid: TimeGrid) -> NDArray[np.bool_]:
    """Return the frames within half a second of a span [s], (T,)."""
    drawn = np.zeros(grid.frames, bool)
    for start, end in spans:
        first, last = grid.frames_between(start - 0.5, end + 0.5)
        drawn[first:last] = True
    return drawn
