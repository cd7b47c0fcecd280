"""A small band whose every note and hit is known: chords, a bass and drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.theory import Chord
from muze.testing.drumming import drumming
from muze.testing.sounds import SAMPLE_RATE, midi_to_hz

Wave = NDArray[np.float64]
Spans = Sequence[dict[str, Any]]
"""Chords or sections as records tell them, with ``start`` and ``end`` in seconds."""
Notes = list[dict[str, Any]]
"""Pitch, start and end in seconds and program, as records tell them."""
Hits = dict[str, list[float]]


@dataclass(frozen=True)
class Instrument:
    """What plays chords or bass."""

    program: int
    falling: float
    """The k-th harmonic is as loud as k to the minus this."""
    attack: float
    """Seconds in which a note rises."""
    decay: float
    """Seconds in which it falls to a third."""
    beats: float
    """From strike to strike."""


GENRES = {
    "folk": Instrument(24, 1.5, 0.004, 0.25, 0.5),
    "techno": Instrument(5, 0.7, 0.004, 0.08, 0.25),
    "ambient": Instrument(19, 2.5, 0.4, 9.0, 4.0),
    "metal": Instrument(29, 0.3, 0.01, 2.0, 1.0),
    "lo-fi hip hop": Instrument(4, 3.5, 0.01, 0.6, 2.0),
}
"""What plays the chords of each; its kit is its own too."""
BASS = Instrument(33, 1.5, 0.01, 0.5, 2.0)
PLAY = {
    "intro": ("chords",),
    "verse": ("chords", "bass", "drums"),
    "chorus": ("chords", "high", "bass", "drums"),
    "breakdown": ("bass", "drums"),
}
"""Who plays in which section; ``high`` doubles the chords an octave up."""
OFTEN = {"kick": 0.45, "snare": 0.3, "hat": 0.6}
"""How likely each drum is hit on a half beat."""
HEIGHTS = (100, 130)
"""Beats a minute from which the chords lie an octave higher, so that a tempo alone is heard."""


def played(genre: str, chords: Spans, sections: Spans, beats: Wave) -> Notes:
    """Return the notes of chords and bass from the first beat on."""
    beat, notes = float(beats[1] - beats[0]), []
    lowest = 48 + 12 * sum(60 / beat >= height for height in HEIGHTS)
    for part, instrument in (("chords", GENRES[genre]), ("bass", BASS)):
        step = instrument.beats * beat
        for start in np.arange(beats[0], sections[-1]["end"] - 0.05, step):
            named, plays = _at(chords, start), PLAY[_at(sections, start)["type"]]
            if part not in plays:
                continue
            chord = Chord.parse(named["chord"])
            assert chord is not None
            end = min(start + step, named["end"])
            pitches = (
                [36 + chord.root] if part == "bass" else [lowest + p for p in chord.pitch_classes]
            )
            pitches += [p + 12 for p in pitches] if "high" in plays and part == "chords" else []
            times = {"start": round(float(start), 4), "end": round(float(end), 4)}
            notes += [{"pitch": p, **times, "program": instrument.program} for p in pitches]
    return notes


def struck(rng: np.random.Generator, sections: Spans, beats: Wave) -> Hits:
    """Return hits of a pattern of four beats drawn at random, in the sections with drums."""
    half, hits = float(beats[1] - beats[0]) / 2, {}
    for drum, often in OFTEN.items():
        pattern = rng.random(8) < often
        steps = np.arange(int((sections[-1]["end"] - beats[0]) / half))
        times = [round(float(beats[0] + half * step), 4) for step in steps if pattern[step % 8]]
        hits[drum] = [t for t in times if "drums" in PLAY[_at(sections, t)["type"]]]
    return hits


def band(genre: str, notes: Notes, hits: Hits, seconds: float) -> Wave:
    """Return notes and hits played in a genre's sound, at 32 kHz."""
    out = np.zeros(round(seconds * SAMPLE_RATE))
    for note in notes:
        instrument = BASS if note["program"] == BASS.program else GENRES[genre]
        first, last = (round(note[edge] * SAMPLE_RATE) for edge in ("start", "end"))
        out[first:last] += _tone(instrument, midi_to_hz(note["pitch"]), last - first)
    kit = drumming(hits, seconds, seed=sorted(GENRES).index(genre)).mono
    return levelled(out) + 0.8 * kit


def levelled(samples: NDArray[Any]) -> Wave:
    """Return samples at an RMS of 0.1 where they sound."""
    sounding = samples[np.abs(samples) > 1e-4]
    return samples * (0.1 / np.sqrt(np.square(sounding).mean()) if len(sounding) else 0.0)


def _at(spans: Spans, seconds: float) -> dict[str, Any]:
    # a millisecond of slack for what is rounded
    return next(span for span in spans if span["end"] > seconds + 1e-3)


def _tone(instrument: Instrument, hertz: float, length: int) -> Wave:
    t = np.arange(length) / SAMPLE_RATE
    cycle = _cycle(instrument.falling, min(30, int(9000 / hertz)))
    ends = np.minimum(np.minimum(t / instrument.attack, 1), (t[-1] - t) / 0.02)
    turns = (t * hertz * len(cycle)).astype(int) % len(cycle)
    return np.asarray(cycle[turns] * np.minimum(ends, 1) * np.exp(-t / instrument.decay))


@cache
def _cycle(falling: float, harmonics: int) -> Wave:
    """Return one swing of a tone."""
    turn = 2 * np.pi * np.arange(4096) / 4096
    swings = [np.sin(k * turn) * k**-falling for k in range(1, harmonics + 1)]
    return np.asarray(np.sum(swings, axis=0))
