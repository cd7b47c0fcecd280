"""Position stream: how far into the song each frame lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from muze import hookimpl
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.position.encoder import PositionEncoder


class PositionStream:
    """Where in the song a frame lies, 0 at its first sample and 1 at its last."""

    name: ClassVar[str] = "position"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "span"
    layout: ClassVar[Mapping[str, Layout]] = {"position": "frames"}
    extractor: ClassVar[str] = "the clock"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(128, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"span": [0.0, 1.0]}, {}]}):
        """What a song may say."""

        span: tuple[float, float] = Field(
            (0.0, 1.0),
            description="Where in a longer song this one begins and ends, from 0 to 1.",
        )

        @field_validator("span")
        @classmethod
        def _inside(cls, span: tuple[float, float]) -> tuple[float, float]:
            if not 0 <= span[0] < span[1] <= 1:
                raise ValueError("begins and ends within 0 to 1, the begin first")
            return span

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return the place of each frame in the grid's song, in [0, 1], shape (1, T)."""
        return self.parse(self.Values(), grid)

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the place of each frame in the given span, in [0, 1], shape (1, T)."""
        song = grid.song_duration or grid.start + grid.duration
        first, last = values.span
        at = first + (last - first) * np.minimum(grid.seconds / song, 1.0)
        return {"position": at.astype(np.float32)[None]}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return the place of each frame in the track, shape (1, T)."""
        return self.parse(self.Values(), grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: a position follows from the time."""
        return {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return nothing: a position cannot be heard."""
        return []

    def encoder(self) -> PositionEncoder:
        """Build the encoder."""
        from muze.plugins.streams.position.encoder import PositionEncoder

        return PositionEncoder(self.injects())


@hookimpl
def muze_streams() -> list[type[PositionStream]]:
    """Offer the position stream."""
    return [PositionStream]
