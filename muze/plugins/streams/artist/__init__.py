"""Artist stream: a name, hashed into one of a thousand buckets."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, StringConstraints

from muze import hookimpl
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.artist.encoder import ArtistEncoder

NUM_BUCKETS = 1000


def bucket_of(name: str) -> int:
    """Return the bucket of an artist, sha256 mod 1000; capitals and double spaces do not count."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return int.from_bytes(hashlib.sha256(plain.encode()).digest(), "big") % NUM_BUCKETS


class ArtistStream:
    """In whose manner the music is; a model knows the artists it was trained on."""

    name: ClassVar[str] = "artist"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "name"
    layout: ClassVar[Mapping[str, Layout]] = {"artist": "vector"}
    extractor: ClassVar[str] = "none"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")

    class Values(
        Settings, json_schema_extra={"examples": [{"name": "The Tellers"}, {"name": "Ada Quist"}]}
    ):
        """What a song may say."""

        name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
            description="An artist of the dataset that the model was trained on."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"vector": self.config.vector}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return absent frames: a recording does not say whose it is."""
        return {
            "artist": np.zeros(NUM_BUCKETS, np.float32),
            "present": np.zeros(grid.frames, np.float32),
        }

    def parse(self, values: Values, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return 1 at the artist's bucket, shape (1000,)."""
        return _drawn(values.name)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:  # noqa: ARG002
        """Return the record's artist as ``parse`` does."""
        told = record.get("artist")
        return _drawn(str(told)) if told else None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: a name cannot be read back from its bucket."""
        return {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return nothing: muze has nothing that hears an artist."""
        return []

    def encoder(self) -> ArtistEncoder:
        """Build the encoder."""
        from muze.plugins.streams.artist.encoder import ArtistEncoder

        return ArtistEncoder(self.injects(), NUM_BUCKETS)


def _drawn(name: str) -> Features:
    bucket = np.zeros(NUM_BUCKETS, np.float32)
    bucket[bucket_of(name)] = 1
    return {"artist": bucket}


@hookimpl
def muze_streams() -> list[type[ArtistStream]]:
    """Offer the artist stream."""
    return [ArtistStream]
