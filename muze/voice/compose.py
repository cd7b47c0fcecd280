"""A melody for words that none is told for: from chords, key, stress and the seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from muze.core.grid import Metre
from muze.core.notes import Note
from muze.core.theory import Chord, Key
from muze.voice.rhythm import Span, weight

BELOW, ABOVE, LOWEST = 2, 10, 45
"""Semitones around a voice's usual pitch in which it sings, as people speak near the low end; and
the lowest MIDI pitch composed, A2: who speaks lower, sings higher."""
STEP_COST = {0: 0.55, 1: 0.1, 2: 0.1, 3: 0.35, 4: 0.45, 5: 0.7, 6: 1.6, 7: 1.0}
LEAP = 2.5
OFF_CHORD = 2.5
"""Cost of a note that is none of the chord's, on a bar line; less on weaker beats."""
OFF_SCALE = 6.0
CONTOUR = 0.09
"""Cost of each semitone away from the line's contour."""
WHIM = 0.5
"""Largest of the seed's own costs, so that each song sings otherwise."""
CLOSE = 2.0
"""Cost of a line that does not end on a tone of the chord, or a block not on the tonic's."""
CONTOURS = (
    (0.2, 0.8, 0.3), (0.7, 0.5, 0.2), (0.3, 0.5, 0.8), (0.5, 0.2, 0.4), (0.4, 0.9, 0.5),
)  # fmt: skip
"""Heights at a line's beginning, middle and end, shares of the range."""


@dataclass(frozen=True)
class Harmony:
    """What sounds under a melody."""

    key: Key
    chord: Callable[[float], Chord | None]
    """What chord sounds at a beat of the song; None for none."""
    metre: Metre


def voice_range(usual: float) -> tuple[int, int]:
    """Return the lowest and highest MIDI pitch composed for a voice that usually speaks so."""
    lowest = max(LOWEST, round(usual) - BELOW)
    return lowest, lowest + BELOW + ABOVE


def compose_line(
    spans: Sequence[Span],
    harmony: Harmony,
    lowest: int,
    highest: int,
    about: str,
    seed: int,
    last: bool,
) -> list[Note]:
    """Return a note for each span: chord tones on strong beats, small steps between.

    It is the cheapest path through the range (Viterbi 1967), and so the same each time; ``about``
    names the line's place in its kind of section, so that sections of one kind sing alike, and
    ``last`` says that the line ends its section.
    """
    numbers = np.random.default_rng([seed % 2**63, *about.encode()])
    contour = CONTOURS[int(numbers.integers(len(CONTOURS)))]
    whims = numbers.uniform(0, WHIM, (64, highest - lowest + 1))
    pitches = list(range(lowest, highest + 1))
    begin = spans[0].start
    lasts = max(spans[-1].start - begin, 1e-6)
    costs: list[list[float]] = []
    for number, span in enumerate(spans):
        height = np.interp((span.start - begin) / lasts, (0, 0.5, 1), contour)
        wished = lowest + height * (highest - lowest)
        slot = round(4 * (span.start - begin)) % len(whims)
        strong = weight(span.start, harmony.metre) if number < len(spans) - 1 else 1.0
        chord = harmony.chord(span.start)
        costs.append([
            CONTOUR * abs(pitch - wished)
            + float(whims[slot, pitch - lowest])
            + _strange(pitch, chord, harmony.key, strong, span.length)
            + (_open(pitch, chord, harmony.key, last) if number == len(spans) - 1 else 0.0)
            for pitch in pitches
        ])  # fmt: skip
    path = _cheapest(costs)
    return [
        Note(float(pitches[at]), span.start, span.length)
        for at, span in zip(path, spans, strict=True)
    ]


def _strange(pitch: int, chord: Chord | None, key: Key, strong: float, length: float) -> float:
    inside = chord is not None and pitch % 12 in chord.pitch_classes
    if inside:
        return 0.0
    off = OFF_SCALE if pitch % 12 not in key.scale else 0.0
    # a long note off the beat is heard against its chord too
    return off + (OFF_CHORD * max(strong, min(1.0, length / 2)) if chord is not None else 0.0)


def _open(pitch: int, chord: Chord | None, key: Key, last: bool) -> float:
    """Return what it costs that a line ends so that it sounds as if more came."""
    if last and pitch % 12 == key.tonic and (chord is None or key.tonic in chord.pitch_classes):
        return 0.0
    at_home = pitch % 12 == (chord.root if chord is not None else key.tonic)
    return 0.0 if at_home and not last else CLOSE / (2 if at_home or not last else 1)


def _cheapest(costs: Sequence[Sequence[float]]) -> list[int]:
    width = len(costs[0])
    best, back = list(costs[0]), []
    for row in costs[1:]:
        arrived, came = [], []
        for to in range(width):
            options = [best[at] + _step(abs(to - at)) for at in range(width)]
            at = min(range(width), key=options.__getitem__)
            arrived.append(options[at] + row[to])
            came.append(at)
        best = arrived
        back.append(came)
    at = min(range(width), key=best.__getitem__)
    path = [at]
    for came in reversed(back):
        at = came[at]
        path.append(at)
    return path[::-1]


def _step(semitones: int) -> float:
    return STEP_COST.get(semitones, LEAP + 0.1 * semitones)
