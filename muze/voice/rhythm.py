"""When a line's syllables are sung where no melody says it: stress on beats, a rest to breathe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from muze.core.grid import Metre
from muze.voice.laid import SHORTEST, MisfitError, Seconds
from muze.voice.syllables import Syllable

COMFORTABLE = 0.33
"""Seconds from syllable to syllable that are sung and understood with ease."""
BREATH = 0.4
"""Seconds of rest before the next line."""
LONGEST_HOLD = 2.0
"""Beats the last syllable is held at most."""
LENGTHS = {1: 0.0, 2: 0.3, 3: 0.8, 4: 1.4}
"""Cost of a syllable's length in steps; halved where it is stressed."""
STEPS, COMPOUND_STEPS = (1.0, 0.5, 0.25), (1.0, 1 / 3, 1 / 6)
"""Beats from syllable to syllable; in 6/8 a beat has three eighths."""
SIXTEENTH = 0.25


@dataclass(frozen=True)
class Span:
    """When a syllable is sung, in beats of the song."""

    start: float
    length: float


def line_rhythm(
    syllables: Sequence[Syllable],
    first: float,
    last: float,
    metre: Metre,
    seconds: Seconds,
    steps: Sequence[float] | None = None,
) -> list[Span]:
    """Return when each syllable of a line is sung between two beats of the song.

    Stressed syllables come on beats, others between them; the last is held, and a rest follows.

    Raises:
        MisfitError: the syllables would be shorter than ``SHORTEST``; says the numbers.
    """
    count, beat = len(syllables), (seconds(last) - seconds(first)) / (last - first)
    room = last - first - min(BREATH / beat, (last - first) / 4)
    grid = steps or (COMPOUND_STEPS if metre.compound else STEPS)
    fitting = [step for step in grid if count * step <= room + 1e-6 and step * beat >= SHORTEST]
    if not fitting:
        if room / count * beat < SHORTEST:
            fit = int(room * beat / SHORTEST)
            raise MisfitError(
                f"has {count} syllables, too many for its {last - first:.4g} beats "
                f"({seconds(last) - seconds(first):.2g} s), which take {fit} of {SHORTEST:g} s"
            )
        step = room / count
        return [Span(first + index * step, step) for index in range(count)]
    step = min(fitting, key=lambda s: abs(math.log(s * beat / COMFORTABLE)))
    starts = _on_steps(syllables, first, step, int(room / step + 1e-6), metre)
    spans = [Span(a, b - a) for a, b in pairwise(starts)]
    hold = min(max(step, LONGEST_HOLD), first + room - starts[-1])
    return [*spans, Span(starts[-1], max(hold, step))]


def weight(beat: float, metre: Metre) -> float:
    """Return how strong a beat of the song is: 1 on a bar line, 0 off all beats."""
    each = metre.beats_per_bar
    in_bar = beat % each
    if min(in_bar, each - in_bar) < 1e-6:
        return 1.0
    if abs(in_bar - round(in_bar)) < 1e-6:
        return 0.75 if each % 2 == 0 and abs(in_bar - each / 2) < 1e-6 else 0.5
    half = 2 * in_bar
    return 0.2 if not metre.compound and abs(half - round(half)) < 1e-6 else 0.0


def _on_steps(
    syllables: Sequence[Syllable], first: float, step: float, slots: int, metre: Metre
) -> list[float]:
    """Return the beats that syllables begin on: the cheapest way through a grid of steps."""
    count = len(syllables)
    weights = [weight(first + slot * step, metre) for slot in range(slots)]
    best = [[math.inf] * slots for _ in range(count)]
    back = [[0] * slots for _ in range(count)]
    late = max(1, round(1 / step))
    for slot in range(min(late, slots)):
        best[0][slot] = 0.15 * slot * step + _ill_placed(syllables[0], weights[slot])
    for index in range(1, count):
        before = syllables[index - 1]
        for slot in range(index, slots):
            for length, cost in LENGTHS.items():
                if slot - length < 0:
                    break
                told = best[index - 1][slot - length] + cost * (0.5 if before.stress else 1.0)
                if told < best[index][slot]:
                    best[index][slot], back[index][slot] = told, slot - length
            best[index][slot] += _ill_placed(syllables[index], weights[slot])
    last = min(range(count - 1, slots), key=lambda slot: (best[-1][slot], slot))
    places = [last]
    for index in range(count - 1, 0, -1):
        places.append(back[index][places[-1]])
    return [first + slot * step for slot in reversed(places)]


def _ill_placed(syllable: Syllable, strength: float) -> float:
    if syllable.stress == 1:
        return 1.0 - strength
    return 0.4 * (1 - strength) if syllable.stress else 0.8 * strength
