"""How high a voice usually speaks, around which melodies are composed."""

from __future__ import annotations

import math

import numpy as np

from muze.analysis.pitch import track_pitch
from muze.core.errors import VoiceError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.core.voices import usual_pitch
from muze.voice.reference import read_reference
from muze.voice.singer import Singer

SAMPLE = {
    "en": "We were away all morning", "es": "Mañana volvemos al mar", "de": "Wir waren im Garten",
    "fr": "Nous aimons la mer", "it": "Domani andiamo al mare", "pt": "Amanhã vamos ao mar",
    "ja": "あしたうみへいこう",
}  # fmt: skip
"""What a voice says whose pitch nobody told; in other languages, the last resort is numbers."""
OTHERWISE = "1 2 3 4"


def usual_midi(singer: Singer, registry: Registry) -> float:
    """Return the MIDI pitch, between the keys, that a singer usually speaks with.

    It is what the backend tells, or the median of a short sentence that the voice speaks for it;
    of a voice to be cloned, which nobody can ask yet, the median of its recordings.

    Raises:
        VoiceError: no pitch is heard.
    """
    name = singer.backend.name
    if singer.references:
        audio = read_reference(singer.references)
        hz = _median(audio if singer.clean is None else singer.clean(audio))
    else:
        with registry.blame(name, "tell how high it speaks"):
            hz = usual_pitch(singer.backend, singer.voice)
        if hz is None:
            text = SAMPLE.get(singer.language.partition("-")[0], OTHERWISE)
            with registry.blame(name, "speak"):
                hz = _median(singer.backend.speak(text, singer.voice, singer.language))
    if hz is None:
        raise VoiceError(f"voice {singer.voice!r} of {name}: no pitch is heard in what it says")
    return 69 + 12 * math.log2(hz / 440)


def _median(audio: Audio) -> float | None:
    hz, voiced = track_pitch(audio, TimeGrid.of_song(audio.duration))
    return float(np.median(hz[voiced])) if voiced.any() else None
