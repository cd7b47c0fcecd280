"""espeak-ng voices: robotic, small, and at home in more languages than any other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.analysis.phonemes import TIE, read_ipa
from muze.analysis.phonemizers import LANGUAGES
from muze.core.errors import NotInstalledError, PluginError
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import PhoneSpan, Spoken, check_asked
from muze.plugins.voices.espeak.child import NOT_THERE

PLAIN = "plain"
"""The voice without a variant."""
NAMES = {"en": "en-us", "fr": "fr-fr"}
"""espeak-ng's names of languages that muze calls otherwise."""
UNSAID = re.compile(r"\([^)]*\)|[0-9#]")
"""What it writes beside sounds: another language, tones, and marks of its own."""
AFFRICATE = re.compile("([tdʈɖp])([szʃʒɕʑʂʐf])")
"""Two letters that are one of its sounds."""
SECONDS = 120  # of an hour's words it needs about five


class EspeakVoice:
    """The voices of espeak-ng, a formant synthesizer; what says a language best is ``plain``."""

    name: ClassVar[str] = "espeak"
    api: ClassVar[int] = 1
    licence: ClassVar[str] = "espeak-ng: GPL-3.0-or-later; it runs as a process of its own"

    class Config(Settings):
        """How fast and how high it speaks."""

        speed: int = Field(150, ge=80, le=450, description="Words a minute.")
        pitch: int = Field(50, ge=0, le=99, description="0 low to 99 high; about an octave.")

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What speaks, as records tell it."""
        return f"espeak-ng {_listed()['version']}"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where espeak-ng is not there."""
        _listed()

    def voices(self) -> list[str]:
        """Return ``plain`` and espeak-ng's variants of it; each speaks every language."""
        return [PLAIN, *sorted(_listed()["variants"], key=str.lower)]

    def languages(self, voice: str) -> list[str]:  # noqa: ARG002
        """Return those of its languages whose sounds muze knows."""
        there = _listed()["languages"]
        return [code for code in LANGUAGES if NAMES.get(code, code) in there]

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken, mono at 22.05 kHz.

        Raises:
            PluginError: there is no such voice or language, or no words.
            NotInstalledError: espeak-ng is not there; says how to get it.
        """
        return self._say(text, voice, language)[0]

    def speak_timed(self, text: str, voice: str, language: str) -> Spoken:
        """Return ``text`` spoken, and the times of its sounds, to the sample and without stress.

        Raises:
            PluginError: as ``speak``, or a sound that muze does not know.
        """
        audio, told = self._say(text, voice, language)
        spans: list[PhoneSpan] = []
        starts = [sample for sample, _ in told] + [audio.samples.shape[1]]
        for (start, letters), end in zip(told, starts[1:], strict=True):
            try:
                phones = read_ipa(AFFRICATE.sub(rf"\1{TIE}\2", UNSAID.sub("", letters)))
            except ValueError as fault:
                raise PluginError(f"espeak-ng says {letters!r} in {language!r}: {fault}") from None
            # a pause has no letters; some of its sounds are two of muze's
            edges = np.linspace(start, end, len(phones) + 1) / audio.sample_rate
            for index, phone in enumerate(phones):
                spans.append(PhoneSpan(str(phone), float(edges[index]), float(edges[index + 1])))
        return Spoken(audio, tuple(span for span in spans if span.end > span.start))

    def _say(self, text: str, voice: str, language: str) -> tuple[Audio, list[tuple[int, str]]]:
        check_asked(self, text, voice, language)
        named = _listed()["languages"][NAMES.get(language, language)]
        named += "" if voice == PLAIN else f"+{voice}"
        asked = {"say": text.replace("\0", " "), "voice": named, **self.config.model_dump()}
        told, sound = _ask(asked)
        samples = np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(32768)
        if not samples.any():
            raise PluginError(f"espeak-ng: there are no words of {language!r} in {text[:40]!r}")
        return Audio(samples[None], told["sample_rate"]), told["phones"]


@lru_cache(maxsize=1)
def _listed() -> dict[str, Any]:  # Any: JSON
    return _ask({})[0]


def _ask(asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what a process of espeak-ng answers, and its sound.

    Raises:
        NotInstalledError: espeak-ng is not there.
        PluginError: it fails.
    """
    child = Path(__file__).with_name("child.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(child)], input=json.dumps(asked).encode(),
            capture_output=True, check=False, timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PluginError(f"espeak-ng did not speak within {SECONDS} s") from None
    if done.returncode == NOT_THERE:
        raise NotInstalledError(
            "voice backend espeak needs espeak-ng, which is not installed; "
            "on Debian: apt install espeak-ng"
        )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise PluginError(f"espeak-ng cannot speak ({lines[-1]})")
    line, _, sound = done.stdout.partition(b"\n")
    told: dict[str, Any] = json.loads(line)
    return told, sound


@hookimpl
def muze_voices() -> list[type[EspeakVoice]]:
    """Offer espeak-ng."""
    return [EspeakVoice]
