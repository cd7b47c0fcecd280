"""How well the words of a voice are understood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from muze.analysis.phonemes import error_rate
from muze.analysis.words import PACKAGED, hear_words, listener
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.voice.plan import VoicePlan
from muze.voice.voice_score import VoiceScore

LISTENED = 25.0
"""Seconds of singing in which words are heard at once."""
Spans = Sequence[tuple[float, float]]
"""Start and end of each line, in seconds of the song."""


def word_error_rate(asked: str, heard: str) -> float:
    """Return the edits between two texts in words, by the words asked; case and marks aside."""
    return error_rate(plain_words(asked), plain_words(heard))


def plain_words(text: str) -> list[str]:
    """Return a text's words in small letters, without marks."""
    flat = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return [word.strip("'") for word in re.findall(r"[\w']+", flat) if word.strip("'")]


def pieces(voice: Audio, spans: Spans) -> list[Audio]:
    """Return a song's voice in pieces of some lines each, cut where nobody sings.

    Whisper hears 30 s at once and may leave out all that comes after; none of these is longer than
    ``LISTENED`` but where a line is.
    """
    cuts, first = [0.0], spans[0][0]
    for (_, before), (start, end) in pairwise(spans):
        if end - first > LISTENED:
            cuts.append((before + start) / 2)
            first = start
    rate, samples = voice.sample_rate, voice.samples
    edges = [*(round(cut * rate) for cut in cuts), samples.shape[1]]
    return [Audio(samples[:, a:b], rate) for a, b in pairwise(edges)]


def word_scores(voice: Audio, spans: Spans, plan: VoicePlan) -> list[VoiceScore]:
    """Return the word error rate of a voice; None where its words cannot be heard."""
    name, heard_by = "word error rate", listener()
    if plan.language.partition("-")[0] != "en":
        told = f"{PACKAGED} hears English only, and this is {plan.language!r}"
        return [VoiceScore(name, None, "share", False, heard_by, reason=told)]
    try:
        heard = [word.text for piece in pieces(voice, spans) for word in hear_words(piece).words]
    except NotInstalledError as fault:
        return [VoiceScore(name, None, "share", False, heard_by, reason=str(fault))]
    asked = " ".join(line.text for line in plan.lines)
    return [
        VoiceScore(name, word_error_rate(asked, " ".join(heard)), "share", False, heard_by, 1.0)
    ]
