"""Piper voices: one small network a voice, quick on any machine."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from muze import hookimpl
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import Spoken, check_asked
from muze.plugins.voices.piper.models import check_packages, find_voices, read_about


class PiperVoice:
    """Voices by Piper (VITS, Kim et al. 2021, arXiv:2106.06103): a packaged one, and files."""

    name: ClassVar[str] = "piper"
    api: ClassVar[int] = 1
    licence: ClassVar[str] = (
        "piper-tts: GPL-3.0-or-later, so it is an extra; en_US-joe-medium: of CC0 recordings, "
        "fine-tuned from a voice of recordings licensed for research"
    )

    class Config(Settings):
        """Where voices are, and how fast they speak."""

        folder: str | None = Field(
            None, min_length=1, description="Folder of more voices, .onnx and .onnx.json each."
        )
        speed: float = Field(1.0, ge=0.5, le=2.0, description="How fast it speaks; 1 is natural.")
        threads: int = Field(1, ge=1, le=64, description="Processor cores it computes on.")

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What speaks, as records tell it."""
        from importlib.metadata import version

        return f"Piper (piper-tts {version('piper-tts')}), without noise"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where Piper is not there."""
        check_packages()

    def voices(self) -> list[str]:
        """Return the packaged voice and those of the folder; of several speakers, each of them.

        Raises:
            NotInstalledError: Piper is not there.
            CheckpointError: there is no such folder, or a voice's settings are damaged.
        """
        return sorted(find_voices(self.config.folder))

    def languages(self, voice: str) -> list[str]:
        """Return the one language the voice was trained on."""
        return [read_about(find_voices(self.config.folder)[voice].file).language]

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken, mono at the voice's rate.

        Raises:
            PluginError: there is no such voice, it does not speak the language, or no words.
            NotInstalledError: Piper is not there.
            CheckpointError: a voice's file is damaged.
        """
        return self.speak_timed(text, voice, language).audio

    def speak_timed(self, text: str, voice: str, language: str) -> Spoken:
        """Return ``text`` spoken, and the times of its sounds, as espeak-ng reads them to Piper.

        The times are the network's own, in steps of 12 ms; none of a voice that tells none.
        """
        from muze.plugins.voices.piper.speaking import speak

        check_asked(self, text, voice, language)
        found = find_voices(self.config.folder)[voice]
        return speak(found, text, self.config.speed, self.config.threads)


@hookimpl
def muze_voices() -> list[type[PiperVoice]]:
    """Offer Piper."""
    return [PiperVoice]
