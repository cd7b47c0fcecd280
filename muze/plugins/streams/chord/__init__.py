"""Chord stream: which chord sounds, frame by frame; "no chord" is one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from muze import hookimpl
from muze.analysis.chords import (
    chord_column,
    chord_confidence,
    chord_scores,
    decode_chords,
    draw_chords,
    hear_chords,
)
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings
from muze.core.theory import NO_CHORD, Chord

if TYPE_CHECKING:
    from muze.plugins.streams.chord.encoder import ChordEncoder


def _one_spelling(symbol: str) -> str:
    return str(Chord.parse(symbol) or NO_CHORD)


class ChordStream:
    """Root, notes and bass of the chord of each frame."""

    name: ClassVar[str] = "chord"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "progression"
    layout: ClassVar[Mapping[str, Layout]] = {"chord": "frames"}
    extractor: ClassVar[str] = "muze chord network 1, on the grid's beats"
    guidance: ClassVar[float] = 2.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(48, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [{"progression": ["Am7", "F", "C", "G/B"], "beats_per_chord": 4}]
        },
    ):
        """What a song may say."""

        progression: list[Annotated[str, AfterValidator(_one_spelling)]] = Field(
            min_length=1,
            description="Chord symbols, or N for none; starts anew with each section.",
        )
        beats_per_chord: float | None = Field(
            None, ge=1 / 16, le=1024, description="Beats each chord lasts; one bar if not said."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the chords heard, changing on the grid's beats, shape (37, T) as in ``parse``."""
        return {"chord": draw_chords(hear_chords(audio, grid), grid)[0]}

    def confidence(self, audio: Audio, grid: TimeGrid) -> dict[str, float]:
        """Return the mean probability of the chords heard."""
        sure = chord_confidence(audio, grid)
        return {} if sure is None else {"chords": sure}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the progression laid over the beats, shape (37, T).

        Rows: root one-hot, pitch-class set, bass one-hot (C = 0), and 1 where no chord sounds.
        """
        each = values.beats_per_chord or grid.metre.beats_per_bar
        turn = np.floor((grid.beats - _section_starts(grid)) / each + 1e-6).astype(int)
        columns = np.stack([chord_column(symbol) for symbol in values.progression], axis=1)
        return {"chord": columns[:, turn % len(values.progression)]}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the chords of the record, shape (37, T); absent where it names none."""
        if not record.get("chords"):
            return None
        spans = [(c["chord"], c["start"], c["end"]) for c in record["chords"]]
        try:
            chord, present = draw_chords(spans, grid)
        except ValueError as fault:
            raise DatasetError(f"{record.get('audio_path', 'record')}: chords: {fault}") from None
        return {"chord": chord, "present": present}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``chords`` (chord, start and end in seconds) and their names in order."""
        spans = decode_chords(features["chord"], grid)
        return {
            "chord_progression": [symbol for symbol, _, _ in spans],
            "chords": [
                {"chord": symbol, "start": round(start, 3), "end": round(end, 3)}
                for symbol, start, end in spans
            ],
        }

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare label tracks: mir_eval's majmin, triads, tetrads; IOU; Mustango's four."""
        present = asked.get("present", np.ones(grid.frames, np.float32)) > 0
        return chord_scores(asked["chord"], heard["chord"], present, grid)

    def encoder(self) -> ChordEncoder:
        """Build the encoder."""
        from muze.plugins.streams.chord.encoder import ChordEncoder

        return ChordEncoder(self.injects())


def _section_starts(grid: TimeGrid) -> NDArray[np.float64]:
    """Beat on which the section of each frame begins, shape (T,); 0 where there is none."""
    starts = np.zeros(grid.frames)
    for section in grid.sections:
        first, last = grid.frames_between(section.start, section.end)
        starts[first:last] = grid.to_beats(section.start)
    return starts


@hookimpl
def muze_streams() -> list[type[ChordStream]]:
    """Offer the chord stream."""
    return [ChordStream]
