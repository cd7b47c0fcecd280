"""What a file tells of how it was made: by a machine, by which model, in whose voice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from muze.core.errors import MuzeError
from muze.core.settings import Settings

KEY = "muze_provenance"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for what a trained model made, which C2PA's records use as well."""
CLONED = "a cloned voice"
LONGEST = 120
"""Letters of a name that a file tells; tags of some formats have no room for more."""


class SungBy(Settings):
    """Who sings, as a file tells it; of a clone neither the speaker's name nor the voice's."""

    backend: str = Field(description="What speaks, as the backend says.")
    voice: str = Field(description="The voice's name; of a clone, that it is one.")
    consent: str | None = Field(None, description="SHA-256 of the consent record, of a clone.")
    watermark: str | None = Field(None, description="What marked the sound; None where nothing.")


class Provenance(Settings):
    """What a render tells of how it was made."""

    muze_provenance: Literal[1] = 1
    machine_made: Literal[True] = True
    digital_source_type: Literal[SOURCE_TYPE] = SOURCE_TYPE  # type: ignore[valid-type]
    software: str
    model: str
    voice: SungBy | None = None

    @property
    def sentence(self) -> str:
        """What it tells, in words."""
        told = f"Made by a machine: {self.software}, model {self.model}."
        if self.voice is None:
            return told
        sung = f" Sung by {self.voice.backend}, {self.voice.voice}."
        if self.voice.consent is not None:
            sung += f" The speaker's consent is recorded as {self.voice.consent}."
        return told + sung

    def tags(self) -> dict[str, str]:
        """Return the tags that tell it, as ``encode_audio`` takes them."""
        told = json.dumps(self.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
        return {"software": self.software, "comment": f"{self.sentence} {told}"}


def provenance_of(version: str, model: str, voice: SungBy | None = None) -> Provenance:
    """Return what a render of a model tells; of a model in a folder the folder's name alone."""
    name = Path(model).name if os.path.isabs(model) or os.path.isdir(model) else model
    return Provenance(software=f"muze {version}", model=_short(name), voice=voice)


def sung_by(about: str, voice: str, consent: str | None, watermark: str | None) -> SungBy:
    """Return who sings, as a file tells it."""
    return SungBy(
        backend=_short(about),
        voice=_short(voice) if consent is None else CLONED,
        consent=consent,
        watermark=watermark,
    )


def read_provenance(path: Path) -> Provenance | None:
    """Return what a sound file tells of how it was made; None where it tells nothing.

    Raises:
        MuzeError: there is no such file, or what it tells is damaged.
    """
    from muze.audio.tags import read_tags

    if not path.is_file():
        raise MuzeError(f"{path}: there is no such file")
    for text in read_tags(path).raw.values():
        start = text.find("{")
        if start < 0 or f'"{KEY}"' not in text:
            continue
        try:
            return Provenance.model_validate_json(text[start:])
        except ValidationError:
            raise MuzeError(f"{path}: what it tells of how it was made is damaged") from None
    return None


def _short(name: str) -> str:
    """Return a name in one line; one that is longer ends in dots."""
    plain = " ".join(name.replace("{", "(").replace("}", ")").split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
