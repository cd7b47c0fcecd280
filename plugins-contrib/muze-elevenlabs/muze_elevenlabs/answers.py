"""What the ElevenLabs API answers, checked before it is used."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from muze.core.errors import PluginError

if TYPE_CHECKING:
    import httpx

RATE = 24_000
"""Samples a second of the sound that is asked for."""
CUT = 0.25
"""Seconds that the times of a text may pass the end of its sound by."""

Answer = TypeVar("Answer", bound=BaseModel)


class Character(BaseModel):
    """The letters of what was said, and the seconds of each."""

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


class Said(BaseModel):
    """An answer of the service to words."""

    audio_base64: str
    alignment: Character | None = None


class Listed(BaseModel):
    """A voice of the account."""

    voice_id: str
    name: str | None = None


class Page(BaseModel):
    """Some of the account's voices."""

    voices: list[Listed]
    has_more: bool = False
    next_page_token: str | None = None


class Language(BaseModel):
    """A language of a model."""

    language_id: str


class Offered(BaseModel):
    """A model of the service."""

    model_id: str
    can_do_text_to_speech: bool = True
    maximum_text_length_per_request: int | None = None
    languages: list[Language] = []


class Made(BaseModel):
    """A voice just made."""

    voice_id: str
    requires_verification: bool = False


@dataclass(frozen=True)
class Speech:
    """A piece of text, its sound (n,) at 24 kHz, and the seconds of each letter."""

    samples: Any  # numpy's float32
    letters: tuple[tuple[str, float, float], ...]


def speech(said: Said) -> Speech:
    """Return an answer's sound; ``PluginError`` where some of it is missing."""
    try:
        sound = base64.b64decode(said.audio_base64, validate=True)
    except ValueError:
        raise PluginError("ElevenLabs' answer holds no sound that can be read") from None
    letters: tuple[tuple[str, float, float], ...] = ()
    if said.alignment is not None:
        told = said.alignment
        starts, ends = told.character_start_times_seconds, told.character_end_times_seconds
        if not len(told.characters) == len(starts) == len(ends):
            raise PluginError("ElevenLabs' answer times other letters than it tells")
        letters = tuple(zip(told.characters, starts, ends, strict=True))
    duration = len(sound) / 2 / RATE
    last = max((end for _, _, end in letters), default=0.0)
    if not sound or len(sound) % 2 or last > duration + CUT:
        raise PluginError(
            f"ElevenLabs' sound is cut short: it lasts {duration:.2f} s, its words {last:.2f} s"
        )
    return Speech(np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(32768), letters)


def read_json(answer: httpx.Response, kind: type) -> Any:  # Any: JSON
    """Return an answer's JSON; ``PluginError`` where it is none, or of another kind."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, kind):
        raise PluginError("ElevenLabs' answer is not what its API says")
    return told


def checked(kind: type[Answer], told: Any) -> Answer:  # Any: JSON
    """Return an answer of a kind; ``PluginError`` where it is another."""
    try:
        return kind.model_validate(told)
    except ValidationError as fault:
        where = ".".join(map(str, fault.errors()[0]["loc"]))
        raise PluginError(f"ElevenLabs' answer is not what its API says, at {where!r}") from None
