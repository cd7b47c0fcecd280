"""Key stream: tonic and mode, and the notes of the scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from muze import hookimpl
from muze.analysis.keys import estimate_key, key_confidence
from muze.analysis.mustango import same_key, same_or_relative_key
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings
from muze.core.theory import Key

if TYPE_CHECKING:
    from muze.plugins.streams.key.encoder import KeyEncoder


class KeyStream:
    """The key of each frame: index 0-23, and the pitch classes of its scale."""

    name: ClassVar[str] = "key"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"key": "frames", "scale": "frames"}
    extractor: ClassVar[str] = "muze chord network 1 on the grid's beats, key network 1"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"value": "A minor"}]}):
        """What a song may say."""

        value: Annotated[str, AfterValidator(lambda text: str(Key.parse(text)))] = Field(
            description="Tonic and mode, like A minor or F# dorian."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the one major or minor key heard, one-hot (24, T), with its scale (12, T).

        All frames are absent where nothing sounds.
        """
        key = estimate_key(audio, grid)
        if key is None:
            return {
                "key": np.zeros((24, grid.frames), np.float32),
                "scale": np.zeros((12, grid.frames), np.float32),
                "present": np.zeros(grid.frames, np.float32),
            }
        return _drawn(key, grid)

    def confidence(self, audio: Audio, grid: TimeGrid) -> dict[str, float]:
        """Return the probability of the key heard."""
        sure = key_confidence(audio, grid)
        return {} if sure is None else {"key": sure}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the key, one-hot (24, T), and its scale (12, T)."""
        return _drawn(Key.parse(values.value), grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the key of the record; its index serves where it has no name."""
        if record.get("key") is not None:
            try:
                return _drawn(Key.parse(str(record["key"])), grid)
            except ValueError as fault:
                raise DatasetError(f"{record.get('audio_path', 'record')}: key: {fault}") from None
        if record.get("key_index") is not None:
            return _drawn(Key.of_index(int(record["key_index"])), grid)
        return None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``key`` (its name) and ``key_index``, or nothing where none was heard."""
        index = _index(features)
        return {} if index is None else {"key": str(Key.of_index(index)), "key_index": index}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Compare the main keys: Mustango's CK and CKD, and mir_eval's weighted score.

        CKD is told as it is described, and as the released code computes it.
        """
        from mir_eval.key import weighted_score

        want, got = _index(asked), _index(heard)
        if want is None:
            return []
        if got is None:
            figures = (0.0, 0.0, 0.0, 0.0)
        else:
            first, second = Key.of_index(want), Key.of_index(got)
            figures = (
                same_key(first, second),
                same_or_relative_key(first, second),
                float(weighted_score(str(first), str(second))),
                same_or_relative_key(first, second, as_released=True),
            )
        names = ("key CK", "key CKD", "key weighted", "key CKD as released")
        floors = (1 / 24, 2 / 24, 2 / 24, 2 / 24)  # a key drawn at random
        return [
            Score(name, figure, "share", True, floor)
            for name, figure, floor in zip(names, figures, floors, strict=True)
        ]

    def encoder(self) -> KeyEncoder:
        """Build the encoder."""
        from muze.plugins.streams.key.encoder import KeyEncoder

        return KeyEncoder(self.injects())


def _drawn(key: Key, grid: TimeGrid) -> Features:
    index, scale = np.zeros((24, grid.frames)), np.zeros((12, grid.frames))
    index[key.index] = 1
    scale[list(key.scale)] = 1
    return {"key": index.astype(np.float32), "scale": scale.astype(np.float32)}


def _index(features: Features) -> int | None:
    """The key held longest, or None where there is none."""
    held = features["key"].sum(axis=1)
    return int(held.argmax()) if held.any() else None


@hookimpl
def muze_streams() -> list[type[KeyStream]]:
    """Offer the key stream."""
    return [KeyStream]
