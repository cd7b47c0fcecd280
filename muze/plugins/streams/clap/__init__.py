"""CLAP stream: music as words or a recording describe it, in the space where both meet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, StringConstraints

from muze import hookimpl
from muze.analysis.embeddings import listed, recalled
from muze.analysis.sound import hear
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.clap.encoder import ClapProjection

HALVES = ("audio", "text")
"""The two embeddings, in the order in which ``given`` tells whether they are there."""


class ClapStream:
    """What the music is like as a whole, in words or as a recording is.

    Another library's CLAP takes its place in a class that derives from this one, with a name of
    its own and its own ``embed_text`` and ``embed_audio``, as ``plugins-contrib/muze-laion-clap``.
    """

    name: ClassVar[str] = "clap"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "text"
    layout: ClassVar[Mapping[str, Layout]] = {
        "audio": "vector",
        "text": "vector",
        "given": "vector",
    }
    backend: ClassVar[str] = "transformers"
    extractor: str = "CLAP"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """The CLAP that is listened and read with, and widths of the encoder."""

        checkpoint: str = Field(
            "laion/larger_clap_music",
            min_length=1,
            description="Folder of the CLAP, or its hub id where that was downloaded.",
        )
        width: int = Field(512, ge=1, description="Width of its embeddings.")
        vector: int = Field(128, ge=1, description="Width of the vector.")

    class Values(Settings, json_schema_extra={"examples": [{"text": "slow piano ballad"}]}):
        """What a song may say."""

        text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
            description="What the music is like, in words."
        )

    def __init__(self, config: Config) -> None:
        self.config = config
        shown = Path(config.checkpoint)
        named = shown.name if shown.exists() else config.checkpoint
        self.extractor = f"CLAP {named} by {self.backend}"

    def check(self, values: Values) -> None:
        """Raise ``MuzeError`` for a text longer than CLAP reads, or where its weights are not."""
        from muze.plugins.streams.clap.model import check_length

        check_length(values.text, self.config.checkpoint)

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"vector": self.config.vector}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the sound's embedding, shape (width,) and of length 1; silence has none."""
        if hear(audio).silent:
            return {**self._drawn({}), "present": np.zeros(grid.frames, np.float32)}
        return self._drawn({"audio": self.embed_audio(audio)})

    def parse(self, values: Values, grid: TimeGrid) -> Features:  # noqa: ARG002  (holds throughout)
        """Return the text's embedding, shape (width,) and of length 1.

        Raises:
            ManifestError: the text is longer than CLAP reads.
            NotInstalledError: its weights are not there.
            CheckpointError: they are damaged, or of another width.
        """
        return self._drawn({"text": self.embed_text(values.text)})

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:  # noqa: ARG002
        """Return the embeddings a record has, of both kinds or of one."""
        told = {h: recalled(record, f"clap_{h}_embedding", self.config.width) for h in HALVES}
        found = {half: embedding for half, embedding in told.items() if embedding is not None}
        return self._drawn(found) if found else None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``clap_audio_embedding`` and ``clap_text_embedding``, those that are there."""
        return {
            f"clap_{half}_embedding": listed(features[half])
            for half, there in zip(HALVES, features["given"], strict=True)
            if there
        }

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return the cosine of what was asked, in words or in sound, and the sound heard."""
        if not heard["given"][0]:
            return []
        return [
            Score(f"clap {half}", float(asked[half] @ heard["audio"]), "cosine", True, None)
            for half, there in zip(HALVES, asked["given"], strict=True)
            if there
        ]

    def encoder(self) -> ClapProjection:
        """Build the encoder."""
        from muze.plugins.streams.clap.encoder import ClapProjection

        return ClapProjection(self.injects(), self.config.width)

    def embed_text(self, text: str) -> Array:
        """Return the embedding of words, shape (width,) and of length 1."""
        from muze.plugins.streams.clap.model import embed_text

        return embed_text(text, self.config.checkpoint, self.config.width)

    def embed_audio(self, audio: Audio) -> Array:
        """Return the embedding of sound, shape (width,) and of length 1."""
        from muze.plugins.streams.clap.model import embed_audio

        return embed_audio(audio, self.config.checkpoint, self.config.width)

    def _drawn(self, found: Mapping[str, Array]) -> Features:
        nothing = np.zeros(self.config.width, np.float32)
        given = np.asarray([half in found for half in HALVES], np.float32)
        return {**{half: found.get(half, nothing) for half in HALVES}, "given": given}


@hookimpl
def muze_streams() -> list[type[ClapStream]]:
    """Offer the CLAP stream."""
    return [ClapStream]
