"""Voice stream: the style of a singer's voice, as two speaker embeddings fused into one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, StringConstraints, model_validator

from muze import hookimpl
from muze.analysis.embeddings import listed, recalled, unit
from muze.analysis.sound import hear
from muze.core.errors import ManifestError
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings
from muze.plugins.streams.voice.artists import artist_files, find_artist

if TYPE_CHECKING:
    from muze.plugins.streams.voice.encoder import VoiceEmbeddingFusion

WIDTHS = {"resemblyzer": 256, "ecapa": 192}
FIELDS = {"resemblyzer": "voice_embedding", "ecapa": "ecapa_embedding"}
"""By embedding: its width, and its field in a record; ``given`` tells in this order which are."""
OTHER_SPEAKER = 0.545
"""Mean cosine of Resemblyzer embeddings of different speakers; of the same one, about 0.95."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Embedding = Annotated[list[float], Field(min_length=256, max_length=256)]
Ecapa = Annotated[list[float], Field(min_length=192, max_length=192)]


class VoiceStream:
    """Whose voice colours the music: an artist of a dataset, or a recording of a singer."""

    name: ClassVar[str] = "voice"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "style_of"
    layout: ClassVar[Mapping[str, Layout]] = {
        "resemblyzer": "vector", "ecapa": "vector", "given": "vector",
    }  # fmt: skip
    extractor: str = "Resemblyzer and ECAPA-TDNN"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """What the second embedding is heard with, and width of the encoder."""

        ecapa: str | None = Field(
            "speechbrain/spkrec-ecapa-voxceleb",
            min_length=1,
            description="Folder or hub id of an ECAPA-TDNN; null listens with Resemblyzer alone.",
        )
        voice: int = Field(256, ge=1, description="Width of the voice.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [{"voice_embedding": [round(abs(math.sin(i)), 2) for i in range(256)]}]
        },
    ):
        """What a song may say."""

        style_of: Name | None = Field(
            None,
            description="An artist of a dataset, as its .artist_embeddings.json, which lies beside "
            "the song, names them.",
        )
        voice_embedding: Embedding | None = Field(
            None, description="256 numbers by Resemblyzer; found for an artist that is named."
        )
        ecapa_embedding: Ecapa | None = Field(
            None, description="192 numbers by an ECAPA-TDNN; found for an artist that is named."
        )

        @model_validator(mode="after")
        def _check_some(self) -> VoiceStream.Values:
            if not self.style_of and not self.voice_embedding and not self.ecapa_embedding:
                raise ValueError("names no voice; say style_of, or take it {from: singer.wav}")
            for told in (self.voice_embedding, self.ecapa_embedding):
                if told is not None and not any(told):
                    raise ValueError("an embedding of zeros is no voice")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def complete(self, values: Values, folder: Path) -> Values:
        """Return the values with the embeddings of the artist they name, found in ``folder``.

        An embedding that is told stays. With one, as in a plan, there may be no file of artists.

        Raises:
            ManifestError: no file of artists lies there, or none has the artist.
        """
        told = {field for field in FIELDS.values() if getattr(values, field)}
        if values.style_of is None or len(told) == len(FIELDS):
            return values
        if told and not artist_files(folder):
            return values
        found = find_artist(values.style_of, folder, {FIELDS[n]: w for n, w in WIDTHS.items()})
        return values.model_copy(update={f: x for f, x in found.items() if f not in told})

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"voice": self.config.voice}

    def listens_with(self) -> str:
        """Return whether the second network is there."""
        from muze.plugins.streams.voice.ecapa import has_ecapa

        second = self.config.ecapa is not None and has_ecapa(self.config.ecapa)
        return "Resemblyzer and ECAPA-TDNN" if second else "Resemblyzer alone"

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the voice heard in a mix or alone, by each network that is there, of length 1.

        Where next to nothing sounds like a voice, none is heard.

        Raises:
            PluginError: Resemblyzer is not installed.
            CheckpointError: the folder of the ECAPA-TDNN holds none.
        """
        from muze.plugins.streams.voice.ecapa import embed_ecapa, load_ecapa
        from muze.plugins.streams.voice.resemblyzer import embed_voice, version, voiced

        ecapa = None if self.config.ecapa is None else load_ecapa(self.config.ecapa)
        second = "alone" if ecapa is None else f"and ECAPA-TDNN {ecapa.name}"
        self.extractor = f"Resemblyzer {version()} {second}"
        samples = None if hear(audio).silent else voiced(audio)
        if samples is None:
            return {**_drawn({}), "present": np.zeros(grid.frames, np.float32)}
        found = {"resemblyzer": embed_voice(samples)}
        if ecapa is not None:
            found["ecapa"] = embed_ecapa(samples, ecapa)
        return _drawn(found)

    def parse(self, values: Values, grid: TimeGrid) -> Features:  # noqa: ARG002  (holds throughout)
        """Return the embeddings that are told, of length 1."""
        told = {"resemblyzer": values.voice_embedding, "ecapa": values.ecapa_embedding}
        found = {name: unit(embedding) for name, embedding in told.items() if embedding}
        if not found:
            raise ManifestError(f"nobody looked up the voice of {values.style_of!r}")
        return _drawn(found)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:  # noqa: ARG002
        """Return the embeddings a record has, both or one."""
        told = {name: recalled(record, FIELDS[name], WIDTHS[name]) for name in WIDTHS}
        found = {name: embedding for name, embedding in told.items() if embedding is not None}
        return _drawn(found) if found else None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``voice_embedding`` and ``ecapa_embedding``, those that are there."""
        return {
            FIELDS[name]: listed(features[name])
            for name, there in zip(WIDTHS, features["given"], strict=True)
            if there
        }

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return the cosine of the voice asked for and the one heard, by Resemblyzer."""
        if not asked["given"][0] or not heard["given"][0]:
            return []
        cosine = float(asked["resemblyzer"] @ heard["resemblyzer"])
        return [Score("voice cosine", cosine, "cosine", True, OTHER_SPEAKER)]

    def encoder(self) -> VoiceEmbeddingFusion:
        """Build the encoder."""
        from muze.plugins.streams.voice.encoder import VoiceEmbeddingFusion

        return VoiceEmbeddingFusion(self.injects(), [*WIDTHS.values()])


def _drawn(found: Mapping[str, Array]) -> Features:
    given = np.asarray([name in found for name in WIDTHS], np.float32)
    nothing = {name: np.zeros(width, np.float32) for name, width in WIDTHS.items()}
    return {**nothing, **found, "given": given}


@hookimpl
def muze_streams() -> list[type[VoiceStream]]:
    """Offer the voice stream."""
    return [VoiceStream]
