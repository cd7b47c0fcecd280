"""Whether somebody sings in a recording, which words, in which language, and how glad they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.protocols import about
from muze.pipelines.annotation import Fields, Unheard
from muze.pipelines.hear_stream import WORDS_SECONDS
from muze.pipelines.heard_track import HeardTrack
from muze.pipelines.separate import hears_words_in_vocals

if TYPE_CHECKING:
    from muze.pipelines.annotate import Listener

SURE_VOICE = 0.6
"""Probability of speech that is a voice though no word is made out; ``VOICED`` needs some."""
OF_A_VOICE = ("has_vocals", "lyrics", "words", "language")


def hear_voice(track: HeardTrack, by: Listener) -> None:
    """Fill has_vocals, the words and their language, from voice and transcription together."""
    if "has_vocals" not in by.streams:
        return
    if track.record.get("has_vocals") is False:
        track.lack(OF_A_VOICE[1:], "has_vocals", "", "no voice is heard")
        return
    model: str | None = by.streams["has_vocals"].config.whisper_model  # type: ignore[attr-defined]
    until = None if by.whisper_full else WORDS_SECONDS
    separator = track.separator
    if separator is not None and not hears_words_in_vocals(separator):
        separator = None
    asked: Fields = {"version": 1, "model": model, "full": by.whisper_full}
    if separator is not None:
        asked["vocals"] = about(separator)

    def work() -> Fields:
        from muze.analysis.words import VOICED, voice_probability

        voice = voice_probability(track.mono.audio, model)
        if voice < VOICED:
            return transcribed(None, voice, model, until)
        alone = track.mono.audio if separator is None else track.vocals
        heard = transcribed(alone, voice, model, until)
        if separator is not None:
            heard["backend"] += f", in vocals by {about(separator)}"
        return heard

    try:
        heard = track.memory.find("words", asked, work)
    except (MuzeError, Unheard) as fault:
        told = str(fault) if isinstance(fault, MuzeError) else by.absent("has_vocals")
        if not told:
            raise
        track.lack(OF_A_VOICE, "whisper", "", told)
        track.note(told)
        return
    fields = {key: heard[key] for key in OF_A_VOICE}
    track.tell(fields, heard["backend"], "1", heard["confidence"])
    track.lack(OF_A_VOICE, heard["backend"], "1", heard["reason"])


def transcribed(
    audio: Audio | None, voice: float, model: str | None, until: float | None
) -> Fields:
    """Return has_vocals, lyrics, words and language; ``voice`` is how probable a voice is.

    With ``until``, words are heard in so many seconds from the start; with no audio, in none.
    Beside them stand ``backend``, ``confidence`` by field, and the ``reason`` of what is null.

    Raises:
        NotInstalledError: Whisper is missing; says how to get it.
    """
    from muze.analysis.words import hear_words, listener

    backend = listener(model)
    heard = None
    if audio is not None:
        if until is not None and audio.duration > until:
            samples = audio.samples[:, : round(until * audio.sample_rate)]
            audio = Audio(samples, audio.sample_rate)
            backend += f", its first {until:g} s"
        heard = hear_words(audio, model)
    words = [] if heard is None else list(heard.words)
    sung = bool(words) or voice >= SURE_VOICE
    told = [{"word": w.text, "start": round(w.start, 3), "end": round(w.end, 3)} for w in words]
    return {
        "has_vocals": sung,
        "lyrics": _lines(told) or None,
        "words": told or None,
        "language": heard.language if heard is not None and words else None,
        "reason": "no words are made out" if sung else "no voice is heard",
        "confidence": {"has_vocals": round(voice if sung else 1 - voice, 3)},
        "backend": backend,
    }


def read_sentiment(track: HeardTrack, by: Listener) -> None:
    """Fill the sentiment score from the words."""
    from muze.analysis.sentiment import reader, sentiment_of

    if "sentiment" not in by.streams or track.knows("sentiment_score"):
        return
    lyrics, language = track.record.get("lyrics"), track.record.get("language") or "en"
    if not lyrics:
        track.lack(["sentiment_score"], "lyrics", "", "there are no words")
        return
    try:
        track.tell({"sentiment_score": round(sentiment_of(lyrics, language), 4)}, reader(), "1")
    except MuzeError as fault:
        track.lack(["sentiment_score"], "vaderSentiment", "", str(fault))


def _lines(words: Sequence[Fields]) -> str:
    """Return words as lines: a new one after every pause of a second."""
    text = ""
    for index, word in enumerate(words):
        if index:
            text += "\n" if word["start"] - words[index - 1]["end"] > 1.0 else " "
        text += word["word"]
    return text
