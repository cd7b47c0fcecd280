"""Whose voice a sung song has, by cosines of speaker embeddings beside what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import read_audio, resample
from muze.core.errors import PluginError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.core.voices import Spoken
from muze.voice.singer import Singer

RATE = 16_000
PAUSE = 0.2
"""Seconds between two lines that are heard as one sound."""
SECONDS = 12.0
"""Seconds of speech heard of a speaker at most."""
OTHERS = 4
"""Other voices of the backend that are heard beside the singer's: all that Kokoro has here."""
TEXT = 60
"""Letters that other voices say, at most."""


@dataclass(frozen=True)
class Likeness:
    """Cosines: of the singing with the reference, and of speech of one and of two speakers."""

    sung: float
    same: float
    other: float | None
    """None where no other voice is heard."""
    nearest: bool | None
    """Whether the singing is nearer to the reference than to any other voice that is heard."""
    num_others: int
    reference: str


def likeness(
    stem: Audio, spoken: Sequence[Spoken], texts: Sequence[str], singer: Singer, registry: Registry
) -> Likeness:
    """Return how like its reference a voice is that sings.

    The reference is the recording of a voice that was cloned, else the voice's own speech of the
    same words. Beside it: two halves of that speech, and other voices of the backend, but of a
    clone.

    Raises:
        NotInstalledError: Resemblyzer is not there.
        PluginError: too little of it sounds like a voice.
    """
    said = [resample(one.audio, RATE) for one in spoken]
    halves = [_joined(said[::2]), _joined(said[1::2] or said)]
    sung, *own = (_embedding(sound, registry) for sound in (stem, *halves))
    whole = _embedding(_joined(said), registry)
    if singer.reference is not None:
        reference, about = _embedding(read_audio(singer.reference), registry), "the recording"
    else:
        reference, about = whole, "the voice's own speech of the words"
    others = [_embedding(sound, registry) for sound in _others(texts, singer, registry)]
    apart = [float(a @ b) for a, b in combinations([reference, *others], 2)]
    same = own[0] @ own[1] if len(said) > 1 else own[0] @ whole
    like = float(sung @ reference)
    nearest = all(like > float(sung @ other) for other in others) if others else None
    between = float(np.mean(apart)) if apart else None
    return Likeness(like, float(same), between, nearest, len(others), about)


def _others(texts: Sequence[str], singer: Singer, registry: Registry) -> list[Audio]:
    """Return other voices of the backend saying some of the words."""
    backend = singer.backend
    if singer.cloned:  # a service lists clones too, whose consent is for something else
        return []
    text = ""
    for line in dict.fromkeys(texts):
        if len(text) + len(line) > TEXT and text:
            break
        text = f"{text}\n{line}".strip()
    found = []
    with registry.blame(backend.name, "speak with another voice"):
        for voice in backend.voices():
            if voice != singer.voice and singer.language in backend.languages(voice):
                found.append(backend.speak(text, voice, singer.language))
            if len(found) == OTHERS:
                break
    return found


def _joined(sounds: Sequence[Audio]) -> Audio:
    silence = np.zeros(round(PAUSE * RATE), np.float32)
    samples = np.concatenate([part for sound in sounds for part in (sound.mono, silence)])
    return Audio(samples[None, : round(SECONDS * RATE)], RATE)


def _embedding(audio: Audio, registry: Registry) -> NDArray[np.float64]:
    """Return the embedding of a voice, (256,), of length 1, as the stream voice hears it."""
    cls = registry.get("stream", "voice")
    with registry.blame("voice", "hear whose voice it is"):
        heard = cls(cls.Config(ecapa=None)).extract(audio, TimeGrid.of_song(audio.duration))
    vector = np.asarray(heard["resemblyzer"], float).ravel()
    if not vector.any():
        raise PluginError("too little of it sounds like a voice")
    return vector
