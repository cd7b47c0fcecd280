"""Synthetic speech whose every sound, its time and its pitch are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze.analysis.phonemes import Phone
from muze.analysis.phonemizers import read_words
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import PhoneSpan, Spoken, check_asked

RATE = 24_000
VOWEL, CONSONANT = 0.16, 0.07
"""Seconds each lasts."""
EDGE = 0.06
"""Seconds of silence before and after."""
FORMANTS = {
    "i": (280, 2250, 2900), "ɪ": (400, 1950, 2550), "e": (400, 2000, 2550), "ɛ": (550, 1800, 2480),
    "æ": (690, 1660, 2490), "a": (700, 1250, 2600), "ɑ": (710, 1100, 2540), "ɔ": (590, 880, 2540),
    "o": (450, 900, 2400), "ʊ": (440, 1020, 2240), "u": (310, 870, 2250), "ʌ": (640, 1190, 2390),
    "ə": (500, 1500, 2500),
}  # fmt: skip
"""Hz of vowels' resonances (Peterson & Barney 1952); of others, those of ə."""
VOICED = "bdɡvzðʒmnŋlrɹɾwjɥβɣʎɲ"
NASAL = (250, 1100, 2300)
HISSES = {"s": (5000, 9000), "z": (5000, 9000), "ʃ": (2500, 6500), "ʒ": (2500, 6500)}
"""Hz between which they are noise; other sounds without a pitch are from 1 to 6 kHz."""


class KnownVoice:
    """A voice backend of two synthetic speakers, ``Ada`` who is high and ``Bo`` who is low."""

    name: ClassVar[str] = "known"
    api: ClassVar[int] = 1
    HERTZ: ClassVar[dict[str, float]] = {"Ada": 220.0, "Bo": 110.0}

    class Config(Settings):
        """Whether it tells when it says its sounds."""

        timed: bool = Field(True, description="Whether the times of sounds are told.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def voices(self) -> list[str]:
        """Return the two."""
        return list(self.HERTZ)

    def languages(self, voice: str) -> list[str]:  # noqa: ARG002
        """Return English."""
        return ["en"]

    def pitch(self, voice: str) -> float:
        """Return the one pitch a speaker speaks on."""
        return self.HERTZ[voice]

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return the sounds of a text."""
        return self.speak_timed(text, voice, language).audio

    def speak_timed(self, text: str, voice: str, language: str) -> Spoken:
        """Return the sounds of a text, and their times."""
        check_asked(self, text, voice, language)
        phones = [phone for word in read_words(text, language) for phone in word.phones]
        made = speech(phones, self.HERTZ[voice])
        return made if self.config.timed else Spoken(made.audio)


def speech(phones: Sequence[Phone], hertz: float = 200.0, seed: int = 0) -> Spoken:
    """Return sounds said one after the other on one pitch, mono at 24 kHz, and their times."""
    rng = np.random.default_rng(seed)
    parts, spans, at = [np.zeros(round(EDGE * RATE))], [], EDGE
    for phone in phones:
        seconds = VOWEL if phone.sung else CONSONANT
        length, start = round(seconds * RATE), round(at * RATE) / RATE
        parts.append(_sound(phone, length, hertz, start, rng))
        at = start + length / RATE
        spans.append(PhoneSpan(str(phone), start, at))
    parts.append(np.zeros(round(EDGE * RATE)))
    samples = np.concatenate(parts).astype(np.float32)
    return Spoken(Audio(samples[None], RATE), tuple(spans))


def _sound(
    phone: Phone, length: int, hertz: float, start: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    letter = phone.symbol[0]
    ends = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.004 * RATE))
    if phone.sung or letter in VOICED:
        formants = FORMANTS.get(letter, FORMANTS["ə"]) if phone.sung else NASAL
        level = 0.3 if phone.sung else 0.12
        return np.asarray(level * ends * _harmonics(formants, length, hertz, start))
    from scipy.signal import butter, sosfilt

    low, high = HISSES.get(letter, (1000, 6000))
    bands = butter(2, (low, high), "bandpass", fs=RATE, output="sos")
    noise = sosfilt(bands, rng.standard_normal(length))
    return np.asarray(0.05 * ends * noise / (np.abs(noise).max() + 1e-9))


def _harmonics(
    formants: Sequence[float], length: int, hertz: float, start: float
) -> NDArray[np.float64]:
    """Return a voiced sound, its phase that of a pitch that never stops; its peak is 1."""
    t = start + np.arange(length) / RATE
    out = np.zeros(length)
    for number in range(1, int(7000 / hertz)):
        at = number * hertz
        gain = sum(1 / (1 + ((at - f) / 90) ** 2) / (k + 1) for k, f in enumerate(formants))
        out += (gain + 0.03 / number) * np.sin(2 * np.pi * at * t + number)
    return np.asarray(out / np.abs(out).max())
