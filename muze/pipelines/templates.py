"""Forms that fit themselves to any number of bars: the planner's deterministic templates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

MAX_PARTS = 60
"""Sections a template grows to; what is longer has longer sections."""
FULL_LENGTH = 64
"""Bars from which on sections have their usual length; half as long a song halves them."""

# how loud each type is against the others, 0 to 1, and its usual length in bars of 4/4
ENERGY = {
    "intro": 0.3, "verse": 0.5, "pre_chorus": 0.62, "chorus": 0.85, "post_chorus": 0.75,
    "bridge": 0.5, "instrumental": 0.6, "solo": 0.75, "breakdown": 0.25, "buildup": 0.6,
    "drop": 0.95, "outro": 0.3, "unknown": 0.5,
}  # fmt: skip
BARS = {
    "intro": 4, "verse": 8, "pre_chorus": 4, "chorus": 8, "post_chorus": 4, "bridge": 8,
    "instrumental": 8, "solo": 8, "breakdown": 8, "buildup": 4, "drop": 8, "outro": 4,
    "unknown": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One section of a form."""

    type: str
    bars: int
    energy: float


@dataclass(frozen=True)
class Form:
    """How a template grows: short forms as they are, longer ones by going round."""

    short: tuple[tuple[str, ...], ...]
    opening: tuple[str, ...] = ()
    rounds: tuple[tuple[str, ...], ...] = ()
    """What is added round by round, from the first again after the last."""
    closing: tuple[str, ...] = ()

    def of_rounds(self, count: int) -> tuple[str, ...]:
        """Return the section types of a song that goes round ``count`` times."""
        middle = tuple(
            part for index in range(count) for part in self.rounds[index % len(self.rounds)]
        )
        return (*self.opening, *middle, *self.closing)


TEMPLATES = {
    "verse_chorus": Form(
        short=(("chorus",), ("verse", "chorus"), ("intro", "verse", "chorus"),
               ("intro", "verse", "chorus", "verse", "outro")),
        opening=("intro",),
        rounds=(("verse", "pre_chorus", "chorus"), ("verse", "pre_chorus", "chorus"),
                ("bridge", "chorus"), ("solo", "chorus")),
        closing=("outro",),
    ),
    "aaba": Form(
        short=(("verse",), ("verse", "bridge"), ("verse", "bridge", "verse"),
               ("verse", "verse", "bridge", "verse")),
        opening=("intro",),
        rounds=(("verse", "verse", "bridge", "verse"), ("solo", "solo", "bridge", "verse")),
        closing=("outro",),
    ),
    "build_drop": Form(
        short=(("drop",), ("buildup", "drop"), ("intro", "buildup", "drop"),
               ("intro", "buildup", "drop", "outro")),
        opening=("intro",),
        rounds=(("buildup", "drop"), ("breakdown", "buildup", "drop")),
        closing=("outro",),
    ),
    "through_composed": Form(
        short=(("unknown",), ("verse", "bridge"), ("intro", "verse", "bridge"),
               ("intro", "verse", "bridge", "solo")),
        opening=("intro",),
        rounds=(("verse", "bridge", "instrumental", "solo"), ("breakdown", "buildup", "unknown"),
                ("pre_chorus", "chorus", "post_chorus")),
        closing=("outro",),
    ),
    "loop": Form(short=(("instrumental",),)),
}  # fmt: skip
"""By name. A loop is one section however long it is; the others grow by rounds."""


def fit_template(name: str, num_bars: int, seed: int) -> list[Part]:
    """Return sections that fill ``num_bars`` bars exactly, their energies drawn by ``seed``.

    The form whose usual length is nearest is taken and stretched; lengths are multiples of four
    bars, else of two, where the song is long enough for it.
    """
    types = min(
        (form for form in _forms(TEMPLATES[name]) if len(form) <= num_bars),
        key=lambda form: abs(math.log(num_bars / (_scale(num_bars) * _length(form)))),
    )
    lengths = _stretch([BARS[part] for part in types], num_bars)
    rng = Random(f"{seed} energy")
    turns: dict[str, int] = {}
    parts = []
    for part, bars in zip(types, lengths, strict=True):
        # each return is a little stronger than the time before
        energy = ENERGY[part] + 0.04 * min(turns.get(part, 0), 2) + rng.uniform(-0.04, 0.04)
        turns[part] = turns.get(part, 0) + 1
        parts.append(Part(part, bars, round(min(energy, 1.0), 2)))
    return parts


def typical_energy(section: str, index: int, seed: int) -> float:
    """Return how intense section ``index`` of a song is when nobody says so, 0 to 1."""
    return round(min(ENERGY[section] + Random(f"{seed} energy {index}").uniform(-0.04, 0.04), 1), 2)


def _forms(form: Form) -> list[tuple[str, ...]]:
    forms = list(form.short)
    for count in range(1, MAX_PARTS if form.rounds else 1):
        grown = form.of_rounds(count)
        if len(grown) > MAX_PARTS:
            break
        forms.append(grown)
    return forms


def _length(form: tuple[str, ...]) -> int:
    return sum(BARS[part] for part in form)


def _scale(num_bars: int) -> float:
    """Return how long sections are against usual; a short song halves them to have a form."""
    return min(1.0, max(0.5, num_bars / FULL_LENGTH))


def _stretch(usual: list[int], num_bars: int) -> list[int]:
    """Return lengths in the proportions of ``usual`` that sum to ``num_bars``, none below 1."""
    scale = num_bars / sum(usual)
    step = next((s for s in (4, 2) if min(usual) * scale >= 0.75 * s), 1)
    if num_bars // step < len(usual):
        step = 1
    steps, spare = divmod(num_bars, step)
    lengths = [max(1, math.floor(bars * scale / step)) for bars in usual]
    # what rounding left over goes where most was cut off (largest remainder)
    while sum(lengths) != steps:
        wrong = [bars * scale / step - length for bars, length in zip(usual, lengths, strict=True)]
        if sum(lengths) < steps:
            lengths[wrong.index(max(wrong))] += 1
        else:
            shrinkable = [
                w if length > 1 else math.inf for w, length in zip(wrong, lengths, strict=True)
            ]
            lengths[shrinkable.index(min(shrinkable))] -= 1
    lengths = [length * step for length in lengths]
    lengths[-1] += spare
    return lengths
