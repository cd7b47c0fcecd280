"""F0 stream: the pitch of the melody, frame by frame; "no melody here" is one thing it says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from muze import hookimpl
from muze.analysis.melody import (
    HIGHEST,
    LOWEST,
    draw_notes,
    draw_spans,
    melody_scores,
    midi_to_hz,
    overlong,
    semitone,
    spoken_until,
)
from muze.analysis.pitch import Extractor, at_times, extractor_name, track_pitch
from muze.analysis.scores import SUFFIXES, melody_of, overlong_score, read_score
from muze.core.errors import DatasetError, ManifestError
from muze.core.grid import FRAME_RATE, Array, Audio, Features, TimeGrid
from muze.core.notes import check_range, one_voice, parse_notes
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.f0.encoder import PitchEncoder

LOWEST_HZ, HIGHEST_HZ = (float(midi_to_hz(p)) for p in (LOWEST - 0.5, HIGHEST + 0.5))


def _check_melody(text: str) -> str:
    notes = parse_notes(text).notes
    faults = []
    for check in (one_voice, partial(check_range, lowest=LOWEST, highest=HIGHEST)):
        try:
            check(notes)
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        raise ValueError("; ".join(faults))
    return text


def _check_hertz(hz: float) -> float:
    if hz != 0 and not LOWEST_HZ <= hz <= HIGHEST_HZ:
        raise ValueError(
            f"must be from {LOWEST_HZ:.4g} to {HIGHEST_HZ:.4g} Hz (C1 to B7), or 0 where nobody "
            f"sings, not {hz:g}"
        )
    return hz


Melody = Annotated[str, AfterValidator(_check_melody)]
Curve = Annotated[list[Annotated[float, AfterValidator(_check_hertz)]], Field(min_length=1)]


class F0Stream:
    """Fundamental frequency of the one melody, and where there is none."""

    name: ClassVar[str] = "f0"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "melody"
    layout: ClassVar[Mapping[str, Layout]] = {
        "f0": "frames", "f0_coarse": "frames", "voiced": "frames",
    }  # fmt: skip
    extractor: ClassVar[str] = extractor_name("swift_f0")
    reads: ClassVar[tuple[str, ...]] = SUFFIXES
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder, and what listens."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(64, ge=1, description="Width of the frames.")
        extractor: Extractor = Field("swift_f0", description="The pitch tracker that listens.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [
                {"melody": "A4:1 C5:1/2 B4:1/2 R:1 E4:1"},
                {"hz": [220, 233.1, 246.9, 0], "rate": 2},
            ]
        },
    ):
        """What a song may say; a score is given as {from: lead.mid} or {from: tune.musicxml}."""

        melody: Melody | None = Field(
            None, description="Notes and rests with lengths in beats: C4:1 Bb3:1/2 R:1.5."
        )
        hz: Curve | None = Field(None, description="Hz over time; 0 where there is no melody.")
        rate: float | None = Field(
            None, ge=0.1, le=1000, description="Values of hz a second; 100 if not said."
        )

        @model_validator(mode="before")
        @classmethod
        def _no_path(cls, told: Any) -> Any:
            if isinstance(told, dict) and ("midi" in told or "musicxml" in told):
                raise ValueError("a file is given as {from: lead.mid}")
            return told

        @model_validator(mode="after")
        def _one_of_them(self) -> F0Stream.Values:
            if (self.melody is None) == (self.hz is None):
                raise ValueError("say either melody or hz")
            if self.rate is not None and self.hz is None:
                raise ValueError("rate belongs to hz; a melody is in beats")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        if config.extractor != "swift_f0":
            self.extractor = extractor_name(config.extractor)  # type: ignore[misc]  # its own

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return that the melody lasts longer than the song, or the section that says it."""
        if values.melody is not None:
            told = overlong(parse_notes(values.melody).beats, grid)
            return [(("melody",), told)] if told else []
        seconds = len(values.hz or ()) / (values.rate or FRAME_RATE)
        told = grid.misfit(grid.start, grid.start + seconds)
        return [(("hz",), f"a curve of {seconds:g} s {told}")] if told else []

    def file_misfit(self, path: Path, grid: TimeGrid) -> str:
        """Return that a file's melody lasts longer than the song, or the section that says it."""
        score = read_score(path, grid.metre)
        return overlong_score(melody_of(score, path), grid)

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the pitch heard as ``parse`` does; absent where nothing in it is voiced.

        Raises:
            NotInstalledError: the tracker's library is missing; says how to get it.
        """
        hz, voiced = track_pitch(audio, grid, self.config.extractor)
        return _drawn(hz, np.full(grid.frames, voiced.any(), np.float32))

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return ``f0`` in Hz, ``f0_coarse`` 0-83 from C1 and ``voiced``, each (1, T).

        All are 0 where there is no melody. It begins where the grid does, and speaks until it ends.
        """
        if values.melody is not None:
            line = parse_notes(values.melody)
            return _drawn(draw_notes(line.notes, grid), spoken_until(line.beats, grid))
        hz, rate = np.asarray(values.hz, float), values.rate or FRAME_RATE
        at = grid.seconds - grid.start
        drawn, _ = at_times(at, (np.arange(len(hz)) + 0.5) / rate, hz, hz > 0)
        return _drawn(drawn, at < len(hz) / rate)

    def read(self, path: Path, grid: TimeGrid) -> Features:
        """Return the melody of a MIDI or MusicXML file as ``parse`` does."""
        score = read_score(path, grid.metre)
        notes = melody_of(score, path)
        try:
            check_range(notes, LOWEST, HIGHEST)
        except ValueError as fault:
            raise ManifestError(f"{path}: {fault}") from None
        return _drawn(draw_notes(notes, grid), spoken_until(score.beats, grid))

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``f0_contour``, or else its ``melody``, notes in seconds."""
        if record.get("f0_contour"):
            hz = np.asarray(record["f0_contour"], float)
            told = record.get("f0_voiced_mask")
            voiced = np.asarray(hz > 0 if told is None else told, bool)
            if voiced.shape != hz.shape:
                raise DatasetError(
                    f"{record.get('audio_path', 'record')}: f0_voiced_mask has {len(voiced)} "
                    f"frames, f0_contour {len(hz)}"
                )
            frame = np.floor(grid.seconds * FRAME_RATE + 1e-6).astype(int)
            inside = frame < len(hz)
            here = np.minimum(frame, len(hz) - 1)
            present = inside.copy()
            if (spans := record.get("f0_spans")) is not None:
                present[:] = False
                for start, end in spans:
                    present |= inside & (grid.seconds >= start) & (grid.seconds < end)
            return _drawn(np.where(voiced[here], hz[here], 0), present)
        if record.get("melody") is None:
            return None
        notes = [(note["pitch"], note["start"], note["end"]) for note in record["melody"]]
        return _drawn(draw_spans(notes, grid), np.ones(grid.frames))

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``f0_contour`` in Hz, ``f0_coarse`` and ``f0_voiced_mask`` at 100 frames a second.

        ``f0_spans`` gives start and end of what is spoken of, where that is not all.
        """
        present = features.get("present", np.ones(grid.frames)) > 0
        if not present.any():
            return {}
        told: dict[str, Any] = {
            "f0_contour": [round(float(x), 2) for x in features["f0"][0]],
            "f0_coarse": [int(x) for x in features["f0_coarse"][0]],
            "f0_voiced_mask": [bool(x) for x in features["voiced"][0] > 0],
        }
        if not present.all():
            edges = np.flatnonzero(np.diff(np.pad(present, 1).astype(int)))
            seconds = np.round(grid.start + edges / grid.frame_rate, 3)
            told["f0_spans"] = [[float(x) for x in pair] for pair in seconds.reshape(-1, 2)]
        return told

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare the melodies on the frames spoken of (mir_eval.melody)."""
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        want, got = (f["f0"][0, spoken] for f in (asked, heard))
        sung, heard_sung = (f["voiced"][0, spoken] > 0 for f in (asked, heard))
        return melody_scores(want, got, sung, heard_sung)

    def encoder(self) -> PitchEncoder:
        """Build the encoder."""
        from muze.plugins.streams.f0.encoder import PitchEncoder

        return PitchEncoder(self.injects())


def _drawn(hz: Array, present: Array) -> Features:
    """Draw Hz (T,), 0 where unvoiced, on the frames spoken of."""
    spoken = np.where(present, hz, 0).astype(np.float32)
    voiced = spoken > 0
    return {
        "f0": spoken[None],
        "f0_coarse": semitone(spoken)[None],
        "voiced": voiced[None].astype(np.float32),
        "present": np.asarray(present, np.float32),
    }


@hookimpl
def muze_streams() -> list[type[F0Stream]]:
    """Offer the f0 stream."""
    return [F0Stream]
