"""Whether somebody sings in a track, and which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muze.analysis.words import VOICED, hear_words, listener, voice_probability
from muze.core.grid import Audio

Fields = dict[str, Any]  # Any: JSON
SURE_VOICE = 0.6
"""Probability of speech that is a voice though no word is made out; ``VOICED`` needs some."""


def hear_sung_words(audio: Audio, model: str | None, until: float | None) -> Fields:
    """Return has_vocals, lyrics, words and language, from voice and transcription together.

    With ``until``, words are heard in so many seconds from the start; a voice, everywhere. Beside
    them stand ``backend``, ``confidence`` by field, and the ``reason`` of what is null.

    Raises:
        NotInstalledError: Whisper is missing; says how to get it.
    """
    voice = voice_probability(audio, model)
    cut = audio
    if until is not None and audio.duration > until:
        cut = Audio(audio.samples[:, : round(until * audio.sample_rate)], audio.sample_rate)
    heard = hear_words(cut, model) if voice >= VOICED else None
    words = [] if heard is None else list(heard.words)
    sung = bool(words) or voice >= SURE_VOICE
    told = [{"word": w.text, "start": round(w.start, 3), "end": round(w.end, 3)} for w in words]
    backend = listener(model)
    if cut is not audio:
        backend += f", its first {until:g} s"
    return {
        "has_vocals": sung,
        "lyrics": _lines(told) or None,
        "words": told or None,
        "language": heard.language if heard is not None and words else None,
        "reason": "no words are made out" if sung else "no voice is heard",
        "confidence": {"has_vocals": round(voice if sung else 1 - voice, 3)},
        "backend": backend,
    }


def _lines(words: Sequence[Fields]) -> str:
    """Return words as lines: a new one after every pause of a second."""
    text = ""
    for index, word in enumerate(words):
        if index:
            text += "\n" if word["start"] - words[index - 1]["end"] > 1.0 else " "
        text += word["word"]
    return text
