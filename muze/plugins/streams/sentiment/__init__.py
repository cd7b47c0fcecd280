"""Sentiment stream: how sad or glad the song is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.sentiment.encoder import SentimentEncoder


class SentimentStream:
    """From -1, as sad as can be, to 1; datasets have it from the words of lyrics and prompts."""

    name: ClassVar[str] = "sentiment"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"sentiment": "frames"}
    extractor: ClassVar[str] = "none"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Width of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")

    class Values(Settings, json_schema_extra={"examples": [{"value": -0.6}, {"value": 0.8}]}):
        """What a song may say."""

        value: float = Field(ge=-1, le=1, description="-1 sad, 0 neither, 1 glad.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"vector": self.config.vector}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return absent frames: sentiment is read in words, not heard."""
        return {**_drawn(0.0, grid), "present": np.zeros(grid.frames, np.float32)}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the value throughout, shape (1, T)."""
        return _drawn(values.value, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``sentiment_score`` as ``parse`` does."""
        if (told := record.get("sentiment_score")) is None:
            return None
        number = isinstance(told, (int, float)) and not isinstance(told, bool)
        if not number or not -1 <= told <= 1:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: sentiment_score is {told!r}; it should be from -1 to 1")
        return _drawn(told, grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``sentiment_score``, the mean; nothing where none is told."""
        spoken = features.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return {}
        return {"sentiment_score": round(float(features["sentiment"][0, spoken].mean()), 4)}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return nothing: no model of muze hears sentiment."""
        return []

    def encoder(self) -> SentimentEncoder:
        """Build the encoder."""
        from muze.plugins.streams.sentiment.encoder import SentimentEncoder

        return SentimentEncoder(self.injects())


def _drawn(value: float, grid: TimeGrid) -> Features:
    return {"sentiment": np.full((1, grid.frames), value, np.float32)}


@hookimpl
def muze_streams() -> list[type[SentimentStream]]:
    """Offer the sentiment stream."""
    return [SentimentStream]
