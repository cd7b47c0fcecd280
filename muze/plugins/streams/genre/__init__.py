"""Genre stream: one or several names from a fixed list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

from muze import hookimpl
from muze.core.errors import DatasetError
from muze.core.genres import GENRES, known_genre
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.genre.encoder import GenreEncoder


class GenreStream:
    """What kind of music it is; several genres blend evenly."""

    name: ClassVar[str] = "genre"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "names"
    layout: ClassVar[Mapping[str, Layout]] = {"genre": "frames"}
    extractor: ClassVar[str] = "none"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")

    class Values(
        Settings, json_schema_extra={"examples": [{"names": ["synthwave"]}, {"names": "hip-hop"}]}
    ):
        """What a song may say."""

        names: Annotated[
            list[Annotated[str, AfterValidator(known_genre)]],
            BeforeValidator(
                lambda told: [told] if isinstance(told, str) else told,
                json_schema_input_type=str | list[str],
            ),
        ] = Field(min_length=1, description=f"One genre or several of: {', '.join(GENRES)}.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"vector": self.config.vector}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return absent frames: muze has no classifier of genres."""
        return {
            "genre": np.zeros((len(GENRES), grid.frames), np.float32),
            "present": np.zeros(grid.frames, np.float32),
        }

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return each genre's share, shape (G, T), columns of sum 1."""
        return _drawn(values.names, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's genres as ``parse`` does."""
        told = record.get("genre")
        if not told:
            return None
        try:
            names = [known_genre(n) for n in ([told] if isinstance(told, str) else told)]
        except ValueError as fault:
            raise DatasetError(f"{record.get('audio_path', 'record')}: genre: {fault}") from None
        return _drawn(names, grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``genre``: the names, or nothing where none is told."""
        named = np.flatnonzero(features["genre"].any(axis=1))
        return {"genre": [GENRES[i] for i in named]} if len(named) else {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return nothing: there is no classifier to hear a genre with."""
        return []

    def encoder(self) -> GenreEncoder:
        """Build the encoder."""
        from muze.plugins.streams.genre.encoder import GenreEncoder

        return GenreEncoder(self.injects(), len(GENRES))


def _drawn(names: Sequence[str], grid: TimeGrid) -> Features:
    share = np.zeros((len(GENRES), 1), np.float32)
    share[[GENRES.index(name) for name in names]] = 1
    return {"genre": np.repeat(share / share.sum(), grid.frames, axis=1)}


@hookimpl
def muze_streams() -> list[type[GenreStream]]:
    """Offer the genre stream."""
    return [GenreStream]
