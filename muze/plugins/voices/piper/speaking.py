"""Piper speaks, and tells when each sound is heard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from muze.analysis.phonemes import STRESSES, Phone, read_ipa
from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.voices import PhoneSpan, Spoken, within
from muze.plugins.voices.piper.models import Found, load_voice

PAUSE = 0.15
"""Seconds of silence between two sentences, or two lines."""
LONGEST = 5
"""Letters of the longest sound: a stress mark, two letters with a tie, and a length mark."""
ENDS = ("^", "$")
"""What begins and ends a sentence; as IPA they would be marks of the letter beside them."""

Letter = tuple[str, float, float]
"""A letter of the IPA, a space or a mark, and its start and end in seconds."""


def speak(found: Found, text: str, speed: float, threads: int) -> Spoken:
    """Return ``text`` spoken, and the times of its sounds where the voice tells them.

    Noise would make each time another: there is none in it, and words are a little more even.
    """
    from piper import SynthesisConfig

    voice = load_voice(found.file, threads)
    told = SynthesisConfig(
        speaker_id=found.speaker, length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0,
        normalize_audio=False,
    )  # fmt: skip
    rate = int(voice.config.sample_rate)
    silence = np.zeros(round(PAUSE * rate), np.float32)
    sounds: list[Any] = []
    spans: list[PhoneSpan] = []
    start, timed = 0.0, True
    for line in re.sub(r"[\[\]{}<>|]", " ", text).splitlines():  # [[...]] would be phonemes
        for chunk in voice.synthesize(line, told, include_alignments=True):
            if sounds:
                sounds.append(silence)
                start += len(silence) / rate
            timed = timed and chunk.phoneme_alignments is not None
            spans += _spans(list(_letters(chunk.phoneme_alignments or (), start, rate)))
            sounds.append(chunk.audio_float_array)
            start += len(sounds[-1]) / rate
    if not sounds:
        raise PluginError(f"piper: there are no words in {text[:40]!r}")
    audio = Audio(within(np.concatenate(sounds).astype(np.float32))[None], rate)
    return Spoken(audio, tuple(spans) if timed else ())


def _letters(alignments: Sequence[Any], start: float, rate: int) -> Iterator[Letter]:
    """Yield the letters Piper read in a sentence, and when it says each."""
    for told in alignments:
        end = start + int(told.num_samples) / rate
        yield told.phoneme, start, end
        start = end


def _spans(letters: Sequence[Letter]) -> list[PhoneSpan]:
    """Return the sounds that letters spell; a space is half the sound's before and after it."""
    spans: list[PhoneSpan] = []
    at, waiting = 0, None
    while at < len(letters):
        phone, count = _first([letter for letter, _, _ in letters[at : at + LONGEST]])
        start, end = letters[at][1], letters[at + count - 1][2]
        if phone is not None:
            spans.append(PhoneSpan(str(phone), start if waiting is None else waiting, end))
        waiting = None
        if letters[at][0] == " ":
            waiting = (start + end) / 2
            if spans and spans[-1].end == start:
                spans[-1] = PhoneSpan(spans[-1].phone, spans[-1].start, waiting)
        at += count
    return spans


def _first(letters: Sequence[str]) -> tuple[Phone | None, int]:
    """Return the sound that some letters begin with, and how many it takes; None of a mark."""
    if letters[0] in ENDS:
        return None, 1
    for count in range(len(letters), 0, -1):
        if letters[count - 1] in STRESSES:
            continue
        try:
            phones = read_ipa("".join(letters[:count]), tied=False)
        except ValueError:
            continue
        if len(phones) == 1:
            return phones[0], count
    return None, 1
