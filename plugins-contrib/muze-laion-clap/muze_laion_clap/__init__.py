"""LAION CLAP stream: muze's CLAP stream, heard and read with the laion-clap package."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from muze import hookimpl
from muze.core.grid import Array, Audio
from muze.plugins.streams.clap import ClapStream


class LaionClapStream(ClapStream):
    """What the music is like as a whole; the embeddings are those of the laion-clap package."""

    name: ClassVar[str] = "laion_clap"
    backend: ClassVar[str] = "laion-clap"

    class Config(ClapStream.Config):
        """The checkpoint that is listened and read with, and widths of the encoder."""

        checkpoint: str = Field(
            "music_audioset_epoch_15_esc_90.14.pt",
            min_length=1,
            description="File of the checkpoint, as LAION gives it.",
        )
        audio_model: Literal["HTSAT-tiny", "HTSAT-base"] = Field(
            "HTSAT-base", description="Its network for sound: HTSAT-tiny in the 630k checkpoints."
        )
        fusion: bool = Field(False, description="Whether it is one of the fusion checkpoints.")

    config: Config

    def check(self, values: ClapStream.Values) -> None:
        """Do nothing: laion-clap has its tokenizer once it is imported, in ``parse``."""

    def embed_text(self, text: str) -> Array:
        """Return the embedding of words, shape (width,) and of length 1."""
        from muze_laion_clap.model import embed_text

        c = self.config
        return embed_text(text, c.checkpoint, c.audio_model, c.fusion, c.width)

    def embed_audio(self, audio: Audio) -> Array:
        """Return the embedding of sound, shape (width,) and of length 1."""
        from muze_laion_clap.model import embed_audio

        c = self.config
        return embed_audio(audio, c.checkpoint, c.audio_model, c.fusion, c.width)


@hookimpl
def muze_streams() -> list[type[LaionClapStream]]:
    """Offer the one stream."""
    return [LaionClapStream]
