"""Tempo stream: beats a minute, frame by frame."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

from muze import hookimpl
from muze.analysis.beats import hear_beats, tempo_curve
from muze.analysis.mustango import same_bin, same_or_next_bin
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.tempo.encoder import TempoEncoder

Bpm = Annotated[float, Field(ge=20, le=400)]
TOLERANCE = 0.04  # MIREX audio tempo estimation; mir_eval.tempo uses 8 %


class TempoChange(Settings):
    """From the first beat of ``bar`` on, ``bpm`` beats a minute."""

    bar: int = Field(ge=1, description="Bar, counted from 1.")
    bpm: Bpm = Field(description="Beats a minute.")


def _as_map(told: Any) -> Any:  # whatever YAML holds; the field's type judges it
    return told if isinstance(told, (list, tuple)) else [{"bar": 1, "bpm": told}]


def _in_order(changes: list[TempoChange]) -> list[TempoChange]:
    bars = [change.bar for change in changes]
    if not bars or bars[0] != 1 or any(a >= b for a, b in itertools.pairwise(bars)):
        raise ValueError("a tempo map starts at bar 1 and its bars rise")
    return changes


class TempoStream:
    """Beats a minute; in compound metres the beat is the dotted quarter."""

    name: ClassVar[str] = "tempo"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"tempo": "frames"}
    extractor: ClassVar[str] = "muze beat network 1"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [
                {"value": 118},
                {"value": [{"bar": 1, "bpm": 118}, {"bar": 17, "bpm": 124}]},
                {},
            ]
        },
    ):
        """What a song may say."""

        value: (
            Annotated[
                list[TempoChange],
                BeforeValidator(_as_map, json_schema_input_type=Bpm | list[TempoChange]),
                AfterValidator(_in_order),
            ]
            | None
        ) = Field(
            None,
            description="Beats a minute, or a map by bar; the song's own tempo map if not said.",
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the tempo heard, in BPM, knowing nothing of the grid's, shape (1, T).

        All frames are absent where nothing sounds.
        """
        curve = tempo_curve(audio, grid)
        if curve is None:
            return _tempo(np.zeros(grid.frames), present=0.0)
        return _tempo(curve)

    def confidence(self, audio: Audio, grid: TimeGrid) -> dict[str, float]:
        """Return the mean probability of the beats from which the tempo was taken."""
        heard = hear_beats(audio, grid)
        return {} if heard is None else {"tempo": heard.confidence}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the tempo of each frame in BPM, shape (1, T)."""
        if values.value is None:
            return _tempo(grid.bpm)
        bars = np.asarray([change.bar - 1 for change in values.value]) * grid.metre.beats_per_bar
        index = np.searchsorted(bars, grid.beats + 1e-6, "right") - 1
        return _tempo(np.asarray([change.bpm for change in values.value])[np.maximum(index, 0)])

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the tempo of the record, from its tempo map (the grid's) where it has one."""
        if record.get("tempo_map"):
            return _tempo(grid.bpm)
        if record.get("tempo"):
            return _tempo(np.full(grid.frames, float(record["tempo"])))
        return None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``tempo``: the median in BPM, or nothing where none was heard."""
        middle = float(np.median(features["tempo"]))
        return {"tempo": round(middle, 2)} if middle else {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare tempi frame by frame: Acc1, Acc2 (MIREX), and Mustango's TB and TBT."""
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        want, got = (features["tempo"][0, spoken].astype(float) for features in (asked, heard))
        octaves = np.stack([_near(want * f, got) for f in (1, 2, 1 / 2, 3, 1 / 3)])
        middle = float(np.median(want)), float(np.median(got))
        return [
            # floors: guessing 120 where tempi are even between 60 and 180
            Score("tempo Acc1", float(octaves[0].mean()), "share", True, 0.08),
            Score("tempo Acc2", float(octaves.any(0).mean()), "share", True, 0.1),
            Score("TB", same_bin(*middle), "share", True, 0.25),
            Score("TBT", same_or_next_bin(*middle), "share", True, 0.58),
        ]

    def encoder(self) -> TempoEncoder:
        """Build the encoder."""
        from muze.plugins.streams.tempo.encoder import TempoEncoder

        return TempoEncoder(self.injects())


def _tempo(bpm: Array, present: float = 1.0) -> Features:
    return {
        "tempo": bpm.astype(np.float32)[None],
        "present": np.full(len(bpm), present, np.float32),
    }


def _near(want: Array, got: Array) -> Array:
    # the slack keeps a tempo exactly at the limit inside it
    return np.asarray(np.abs(got - want) <= TOLERANCE * want + 1e-6)


@hookimpl
def muze_streams() -> list[type[TempoStream]]:
    """Offer the tempo stream."""
    return [TempoStream]
