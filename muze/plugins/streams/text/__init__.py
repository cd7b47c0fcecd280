"""Text stream: the prompt, as the tokens and the mean of a frozen language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, StringConstraints, model_validator

from muze import hookimpl
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.text.encoder import TextEncoder

MINILM_HIDDEN = 384


class TextStream:
    """What the prompt says, word by word and as a whole."""

    name: ClassVar[str] = "text"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "prompt"
    layout: ClassVar[Mapping[str, Layout]] = {"tokens": "tokens", "pooled": "vector"}
    extractor: ClassVar[str] = "none"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """The language model, and widths of the encoder."""

        encoder: Literal["minilm", "t5"] = Field("minilm", description="Frozen language model.")
        weights: str | None = Field(
            None,
            description="Folder or hub id of the language model; MiniLM is installed with muze.",
        )
        hidden: int = Field(
            MINILM_HIDDEN, ge=1, description="Width of its states: MiniLM 384, T5 base 768."
        )
        vector: int = Field(512, ge=1, description="Width of the vector.")
        token_width: int = Field(384, ge=1, description="Width of the tokens.")

        @model_validator(mode="after")
        def _complete(self) -> TextStream.Config:
            if self.encoder == "t5" and self.weights is None:
                raise ValueError("encoder t5 needs weights: a folder or a hub id")
            if self.encoder == "minilm" and self.hidden != MINILM_HIDDEN:
                raise ValueError(f"MiniLM's states are {MINILM_HIDDEN} wide, not {self.hidden}")
            return self

    class Values(Settings, json_schema_extra={"examples": [{"prompt": "warm lo-fi house"}]}):
        """What a song may say."""

        prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
            description="What the music is like, in words."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def check(self, values: Values) -> None:
        """Raise ``ManifestError`` for a prompt longer than the language model reads."""
        if self.config.encoder == "minilm":
            from muze.plugins.streams.text.minilm import word_pieces

            word_pieces(values.prompt, self.config.weights)
        else:
            from muze.plugins.streams.text.t5 import check_length

            assert self.config.weights is not None
            check_length(values.prompt, self.config.weights)

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "tokens": self.config.token_width}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:  # noqa: ARG002
        """Return one token of zeros on absent frames: a recording says no prompt."""
        nothing = np.zeros((1, self.config.hidden), np.float32)
        return {
            **_drawn(nothing, nothing[0], grid),
            "present": np.zeros(grid.frames, np.float32),
        }

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the prompt's tokens (N, hidden), each spanning the grid, and their mean (hidden,).

        The mean is L2-normalised (Reimers & Gurevych 2019). A prompt is encoded once a process.

        Raises:
            ManifestError: the prompt is longer than the language model reads.
        """
        return _drawn(*self._encode(values.prompt), grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's prompt as ``parse`` does."""
        if not record.get("prompt"):
            return None
        return _drawn(*self._encode(record["prompt"]), grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: an encoded prompt cannot be read back."""
        return {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Return nothing: no model of muze hears whether a prompt was followed."""
        return []

    def encoder(self) -> TextEncoder:
        """Build the encoder."""
        from muze.plugins.streams.text.encoder import TextEncoder

        return TextEncoder(self.injects(), self.config.hidden)

    def _encode(self, prompt: str) -> tuple[Array, Array]:
        if self.config.encoder == "minilm":
            from muze.plugins.streams.text.minilm import encode_prompt

            return encode_prompt(prompt, self.config.weights)
        from muze.plugins.streams.text.t5 import encode_prompt_t5

        assert self.config.weights is not None
        return encode_prompt_t5(prompt, self.config.weights, self.config.hidden)


def _drawn(tokens: Array, pooled: Array, grid: TimeGrid) -> Features:
    span = np.asarray([[grid.start, grid.start + grid.duration]], np.float32)
    return {"tokens": tokens, "tokens_span": np.repeat(span, len(tokens), axis=0), "pooled": pooled}


@hookimpl
def muze_streams() -> list[type[TextStream]]:
    """Offer the text stream."""
    return [TextStream]
