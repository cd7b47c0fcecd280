"""ElevenLabs voices: a service's, and those cloned in its account."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from muze import hookimpl
from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import Spoken, check_asked, pieces

if TYPE_CHECKING:
    from muze_elevenlabs.service import Model, Service

SHORTEST = 10.0
"""Seconds of a reference that the service needs to make a voice of it."""


class ElevenlabsVoice:
    """The voices of an ElevenLabs account, spoken there; what it says is paid for by the letter."""

    name: ClassVar[str] = "elevenlabs"
    api: ClassVar[int] = 1
    clones: ClassVar[bool] = True
    keeps_clones: ClassVar[bool] = True
    repeats: ClassVar[bool] = False
    licence: ClassVar[str] = "a service: what may be done with its voices is in its terms"

    class Config(Settings):
        """Which of its models speaks, and how it is asked."""

        model: str = Field(
            "eleven_multilingual_v2",
            pattern="^[A-Za-z0-9_]+$",
            description="One of the service's own models, as it calls them.",
        )
        seed: int = Field(0, ge=0, le=4294967295, description="The service keeps to it if it can.")
        stability: float | None = Field(
            None, ge=0, le=1, description="0 lively to 1 even; if not said, as the voice is set."
        )
        timeout: float = Field(60.0, gt=0, le=600, description="Seconds an answer may take.")
        patience: float = Field(
            60.0, ge=0, le=3600, description="Seconds waited in all where it is busy."
        )
        url: str = Field(
            "https://api.elevenlabs.io",
            pattern=r"^(https://[^/@\s]+|http://(127\.0\.0\.1|localhost)(:\d+)?)$",
            description="Where the service is; it has other addresses for other regions.",
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What speaks, as records tell it."""
        return f"ElevenLabs {self.config.model}, seed {self.config.seed} (a service)"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where there is no key; the service is not asked."""
        from muze_elevenlabs.service import read_key

        read_key()

    @cached_property
    def service(self) -> Service:
        """The service, asked with the key in ELEVENLABS_API_KEY."""
        from muze_elevenlabs.service import Service

        config = self.config
        return Service(config.url, config.timeout, config.patience)

    @cached_property
    def model(self) -> Model:
        """What the service tells of the model."""
        return self.service.model(self.config.model)

    @cached_property
    def named(self) -> dict[str, str]:
        """The id of each voice, by its name; where several have one name, each by its id."""
        found = self.service.voices()
        names = [name for name, _ in found]
        return {name if names.count(name) == 1 else voice: voice for name, voice in found}

    def voices(self) -> list[str]:
        """Return the names of the account's voices.

        Raises:
            NotInstalledError: there is no key.
            PluginError: the service refuses, or cannot be reached.
        """
        return sorted(self.named)

    def languages(self, voice: str) -> list[str]:  # noqa: ARG002
        """Return the languages of the model; every voice speaks all of them."""
        return list(self.model.languages)

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken, mono at 24 kHz.

        Raises:
            NotInstalledError: there is no key.
            PluginError: there is no such voice or language, or no words; or the service refuses,
                cannot be reached, or breaks off.
        """
        return self.speak_timed(text, voice, language).audio

    def speak_timed(self, text: str, voice: str, language: str) -> Spoken:
        """Return ``text`` spoken; its words are timed by the service, the sounds within by rule.

        ``voice`` is a name or an id.
        """
        from muze_elevenlabs.timing import joined

        voice = next((name for name, found in self.named.items() if found == voice), voice)
        check_asked(self, text, voice, language)
        parts = [
            self.service.speak(
                piece, self.named[voice], self.model, language, self.config.seed,
                self.config.stability,
            )
            for piece in pieces(text, self.model.longest)
        ]  # fmt: skip
        return joined(parts, language)

    def clone(self, reference: Audio, name: str) -> str:
        """Return the id of a new voice of the account, made of the reference that is sent there.

        Raises:
            PluginError: there is such a voice, the reference is too short, or the service refuses.
        """
        if name in self.named:
            raise PluginError(f"the account has a voice {name!r}; give the new one another name")
        if reference.duration < SHORTEST:
            raise PluginError(
                f"the reference lasts {reference.duration:.1f} s; ElevenLabs wants a minute of a "
                f"voice, and {SHORTEST:g} s at least"
            )
        made = self.service.add(reference, name)
        self.named[name] = made
        return made

    def forget(self, voice: str) -> None:
        """Delete a voice, by name or id, and what was sent for it, from the account."""
        made = self.named.get(voice, voice)
        self.service.delete(made)
        for name in [name for name, found in self.named.items() if found == made]:
            del self.named[name]


@hookimpl
def muze_voices() -> list[type[ElevenlabsVoice]]:
    """Offer ElevenLabs."""
    return [ElevenlabsVoice]
