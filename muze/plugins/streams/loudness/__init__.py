"""Loudness stream: the song's level in LUFS, and how it moves around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from muze import hookimpl
from muze.analysis.curves import pearson, smooth, spread
from muze.analysis.loudness import integrated, short_term
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.loudness.encoder import LoudnessEncoder

Lufs = Annotated[float, Field(ge=-70, le=0)]
CURVE_RATE = 10  # values a second in a record: a tenth of the 400 ms window is lost on nobody


class LoudnessStream:
    """Integrated loudness (ITU-R BS.1770) and, where it is given, the curve around it in LU."""

    name: ClassVar[str] = "loudness"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"loudness": "vector", "curve": "frames"}
    extractor: ClassVar[str] = "pyloudnorm (ITU-R BS.1770-4)"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"value": -14}, {"curve": [-24, -12]}]}):
        """What a song may say."""

        value: Lufs | None = Field(None, description="Loudness of the whole song in LUFS.")
        curve: Annotated[list[Lufs], Field(min_length=2)] | None = Field(
            None, description="Loudness over time in LUFS, spread evenly and joined by lines."
        )

        @model_validator(mode="after")
        def _one_of_them(self) -> LoudnessStream.Values:
            if (self.value is None) == (self.curve is None):
                raise ValueError("say either value or curve")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the integrated loudness in LUFS (1,) and the curve around it (2, T).

        The curve's rows: LU above the integrated loudness, measured over 400 ms; and 1, which says
        that there is a curve. Silence is -70 LUFS, the measure's own gate.
        """
        level = integrated(audio)
        return _drawn(level, short_term(audio, grid) - level)

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the level in LUFS (1,) and the curve around it (2, T), zeros if none is given."""
        if values.value is not None:
            return _drawn(values.value, None, grid)
        asked = spread(values.curve or (), grid)[0]
        level = _level_of(asked)
        return _drawn(level, asked - level)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the level of the record and, where it has a ``loudness_curve``, that."""
        if record.get("loudness") is None:
            return None
        level, curve = float(record["loudness"]), record.get("loudness_curve")
        if curve is None:
            return _drawn(level, None, grid)
        at = (np.arange(len(curve)) + 0.5) / CURVE_RATE
        return _drawn(level, np.interp(grid.seconds, at, np.asarray(curve, float)) - level)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``loudness`` in LUFS, and ``loudness_curve``: LUFS ten times a second."""
        level = float(features["loudness"][0])
        told: dict[str, Any] = {"loudness": round(level, 2)}
        if features["curve"][1].all():
            step = round(grid.frame_rate / CURVE_RATE)
            curve = features["curve"][0, step // 2 :: step] + level
            told["loudness_curve"] = [round(float(x), 1) for x in curve]
        return told

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return the error in LU and, where a curve was asked, how well its shape was followed."""
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        error = abs(float(asked["loudness"][0] - heard["loudness"][0]))
        scores = [Score("loudness error", error, "LU", False, None)]
        if asked["curve"][1, spoken].any():
            window = round(grid.frame_rate)
            want, got = (smooth(f["curve"][0, spoken], window) for f in (asked, heard))
            scores.append(Score("loudness r", pearson(want, got), "correlation", True, 0.0))
        return scores

    def encoder(self) -> LoudnessEncoder:
        """Build the encoder."""
        from muze.plugins.streams.loudness.encoder import LoudnessEncoder

        return LoudnessEncoder(self.injects())


def _drawn(level: float, curve: Array | None, grid: TimeGrid | None = None) -> Features:
    if curve is None:
        assert grid is not None
        rows = np.zeros((2, grid.frames))
    else:
        rows = np.stack([curve, np.ones(len(curve))])
    return {"loudness": np.asarray([level], np.float32), "curve": rows.astype(np.float32)}


def _level_of(curve: Array) -> float:
    """Loudness of a sound that follows the curve: the mean of its power, gated as in BS.1770."""
    loud = curve[curve > 10 * np.log10(np.mean(10 ** (curve / 10))) - 10]
    return float(10 * np.log10(np.mean(10 ** (loud / 10))))


@hookimpl
def muze_streams() -> list[type[LoudnessStream]]:
    """Offer the loudness stream."""
    return [LoudnessStream]
