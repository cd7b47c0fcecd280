"""Has-vocals stream: whether somebody sings or speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.analysis.words import VOICED, listener, voice_probability
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.has_vocals.encoder import HasVocalsEncoder


class HasVocalsStream:
    """Whether there is a voice in the music, in each frame; "none" is a value."""

    name: ClassVar[str] = "has_vocals"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"vocals": "frames"}
    extractor: str = "Whisper's token for no speech, over 10 s"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Who listens, and width of the encoder."""

        vector: int = Field(32, ge=1, description="Width of the vector.")
        whisper_model: str | None = Field(
            None,
            min_length=1,
            description="Whisper that listens: a name or a folder; tiny.en unless said.",
        )

    class Values(Settings, json_schema_extra={"examples": [{"value": True}, {"value": False}]}):
        """What a song may say."""

        value: bool = Field(description="true where somebody sings, false for music alone.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"vector": self.config.vector}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return whether a voice is heard anywhere, as in ``parse``, the same throughout.

        Raises:
            NotInstalledError: Whisper is missing; says how to get it.
        """
        self.extractor = f"{listener(self.config.whisper_model)}: no speech below {1 - VOICED:g}"
        return _drawn(voice_probability(audio, self.config.whisper_model) >= VOICED, grid)

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the answer throughout, shape (2, T): music without a voice, and with one."""
        return _drawn(values.value, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``has_vocals`` as ``parse`` does."""
        if (told := record.get("has_vocals")) is None:
            return None
        if not isinstance(told, bool):
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: has_vocals is {told!r}; it should be true or false")
        return _drawn(told, grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``has_vocals``: whether there is a voice anywhere."""
        return {"has_vocals": bool(features["vocals"][1].any())}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return 1 where a voice is heard if one was asked for anywhere, and none if not; else 0.

        The floor is a coin's.
        """
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        want, got = bool(asked["vocals"][1, spoken].any()), bool(heard["vocals"][1].any())
        return [Score("vocals as asked", float(want == got), "share", True, 0.5)]

    def encoder(self) -> HasVocalsEncoder:
        """Build the encoder."""
        from muze.plugins.streams.has_vocals.encoder import HasVocalsEncoder

        return HasVocalsEncoder(self.injects())


def _drawn(value: bool, grid: TimeGrid) -> Features:
    column = np.asarray([[not value], [value]], np.float32)
    return {"vocals": np.repeat(column, grid.frames, axis=1)}


@hookimpl
def muze_streams() -> list[type[HasVocalsStream]]:
    """Offer the has-vocals stream."""
    return [HasVocalsStream]
