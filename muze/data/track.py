"""A track's record: what a dataset knows about one recording, under the specification's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from muze.core.errors import DatasetError
from muze.core.grid import FRAME_RATE, Metre, SectionSpan, TempoMark, TimeGrid, section_type


def _metre(text: str) -> str:
    return str(Metre.parse(text))


class Known(BaseModel):
    """Something a record says; streams of plugins may read more of it."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class KnownTempo(Known):
    """A mark of the tempo map."""

    beat: float = Field(ge=0)
    bpm: float = Field(gt=0)


class KnownSegment(Known):
    """A section, in seconds."""

    type: Annotated[str, AfterValidator(section_type)]
    start: float = Field(ge=0)
    end: float
    energy: float | None = None

    @field_validator("end")
    @classmethod
    def _check_end(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("start", -math.inf)
        if end <= start:
            raise ValueError(f"must be after its start, {start:g}, not {end:g}")
        return end


class KnownChord(Known):
    """A chord, in seconds."""

    chord: str
    start: float
    end: float


def _rising(times: list[float]) -> list[float]:
    """Return the times; raise ``ValueError`` where one is not later than the one before."""
    for index, (before, after) in enumerate(pairwise(times), 1):
        if after <= before:
            raise ValueError(f"must rise, but {after:g} at {index} follows {before:g}")
    return times


Rising = Annotated[list[float], AfterValidator(_rising)]
TimeSignature = Annotated[str, AfterValidator(_metre)]


class TrackRecord(Known):
    """What training reads of a track; ``muze.data.schema`` has the whole record.

    All but the first two may be missing or null.
    """

    audio_path: str = Field(min_length=1, description="Relative to the dataset.")
    duration: float = Field(gt=0, description="Seconds.")
    tempo: float | None = Field(None, gt=0)
    tempo_map: list[KnownTempo] | None = None
    time_signature: TimeSignature | None = None
    beat_positions: Rising | None = None
    downbeat_positions: list[float] | None = None
    segments: list[KnownSegment] | None = None
    chords: list[KnownChord] | None = None
    key: str | None = None
    key_index: int | None = Field(None, ge=0, le=23)
    genre: str | list[str] | None = None
    prompt: str | None = None
    prompts: list[str] | None = None
    loudness: float | None = None
    loudness_curve: list[float] | None = None
    energy_curve: list[float] | None = None


NO_TEMPO = 120.0
"""BPM of the clock of a track that tells none."""


def track_grid(record: Mapping[str, Any], frame_rate: float = FRAME_RATE) -> TimeGrid:
    """Return the grid of a whole track: its tempo map, metre and sections.

    Beat 0 is the first downbeat that is told, or else the first beat. A track that tells no tempo
    has a clock all the same; the streams of tempo and beat recall nothing of it.

    Raises:
        DatasetError: the record lacks ``duration``.
    """
    if not record.get("duration"):
        raise DatasetError(f"track {record.get('audio_path')!r} has no duration")
    bpm = record.get("tempo") or NO_TEMPO
    marks = record.get("tempo_map") or [{"beat": 0.0, "bpm": bpm}]
    beats = record.get("downbeat_positions") or record.get("beat_positions") or [0.0]
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
