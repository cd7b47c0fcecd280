"""What some songs of the held-out suite say besides: a melody, a loudness curve, or a singer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from muze_corpus.harmony import MODES, NAMES, Chord
from muze_corpus.holdout import HELD_OUT
from muze_corpus.lyrics import lines
from muze_corpus.melody import draw_motif, realise
from muze_corpus.score import METRES, Metre, Rng, pick

SINGS, PLAYS, SWELLS = (0,), (1, 2), (3,)
"""Of five songs, those by number: one sings, two tell a melody, one a loudness curve."""
VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
SECONDS_A_LINE = 3.6
SYLLABLES = 9
"""Of a line at most."""
CENTRE = 74
"""MIDI pitch around which a melody lies."""


def besides(song: dict[str, Any], number: int, group: int) -> dict[str, Any]:
    """Return a song of the suite with what its number has it say besides."""
    rng = np.random.default_rng([22, number, group])
    kind = number % 5
    if kind in SINGS:
        return song | {"voice": _singer(song, VOICES[(number // 5 + group) % len(VOICES)], rng)}
    if kind in PLAYS:
        streams = {**song["streams"], "f0": {"melody": _melody(song, rng)}}
        return song | {"streams": streams}
    if kind in SWELLS:
        return song | {"streams": {**song["streams"], "loudness": {"curve": _curve(song, rng)}}}
    return song


def chords_of(song: dict[str, Any]) -> list[Chord]:
    """Return the chord of every bar of a song of the suite."""
    parts = song["structure"]["sections"]
    return [_chord(name) for part in parts for name in part["streams"]["chord"]]


def _chord(name: str) -> Chord:
    """Return the chord that muze-corpus names so."""
    upper, _, bass = name.partition("/")
    root = upper[:2] if upper[1:2] == "#" else upper[0]
    at = NAMES.index(root)
    return Chord(at, upper.removeprefix(root), NAMES.index(bass) if bass else at)


def _melody(song: dict[str, Any], rng: Rng) -> str:
    """Return a lead line as the corpus writes them, in beats from the start."""
    metre: Metre = METRES[song["time_signature"]]
    bars = chords_of(song)
    tonic, mode = song["key"].split(maxsplit=1)
    scale = frozenset((NAMES.index(tonic) + step) % 12 for step in MODES[mode])
    motif = draw_motif(metre, 4, 0.85 * min(1.3, 110 / song["tempo"]), 1.5, rng)
    last = len(bars) * metre.steps
    line = realise(
        motif, metre, 0, last, lambda step: bars[min(step // metre.steps, len(bars) - 1)], scale,
        CENTRE, 0.12, rng,
    )  # fmt: skip
    out, now = [], 0
    for at, (step, length, pitch) in enumerate(line):
        room = (line[at + 1][0] if at + 1 < len(line) else last) - step
        if step > now:
            out.append(f"R:{Fraction(step - now, metre.steps_per_beat)}")
        held = min(length, room)
        octave = f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
        out.append(f"{octave}:{Fraction(held, metre.steps_per_beat)}")
        now = step + held
    return " ".join(out)


def _curve(song: dict[str, Any], rng: Rng) -> list[float]:
    """Return a loudness every two seconds that rises and falls by some LU."""
    steps = np.cumsum(rng.normal(0, 3, round(song["duration"] / 2) + 1))
    steps = np.clip(steps - steps.mean(), -8, 6)
    return [round(float(level), 1) for level in -18 + steps]


def _singer(song: dict[str, Any], voice: str, rng: Rng) -> dict[str, Any]:
    """Return who sings, and lines that no training song has, some seconds each."""
    short = [line for line in lines(HELD_OUT) if len(line.split()) <= SYLLABLES - 2]
    bar = METRES[song["time_signature"]].beats * 60 / song["tempo"]
    blocks, left = [], song["duration"]
    for part in song["structure"]["sections"]:
        seconds = part["bars"] * bar
        # of a section that the song's end cuts, the last lines would have no time
        count = max(1, int(seconds / SECONDS_A_LINE)) if seconds <= left + 0.01 else 1
        left -= seconds
        sung = [pick(rng, short) for _ in range(count)]
        blocks.append("\n".join([f"[{part['type']}]", *sung]))
    return {
        "backend": "kokoro", "voice": voice, "language": "en", "lyrics": "\n".join(blocks) + "\n",
        "vibrato": {"rate": round(float(rng.uniform(4.5, 6.5)), 1),
                    "depth": int(rng.integers(20, 60))},
        "breath": "auto",
    }  # fmt: skip
