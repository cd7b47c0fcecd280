"""Who sings: mixtures of Kokoro's packed voices, with throats of several lengths, and ranges."""

from __future__ import annotations

from dataclasses import dataclass

from muze_corpus.holdout import HELD_OUT, SPLITS
from muze_corpus.score import Rng, pick

SPEED = 0.85
"""Share of its usual speed at which a line is spoken that will be sung."""
EVERY = 4
"""Every fourth voice of the table is held out."""


@dataclass(frozen=True)
class Voice:
    """A voice that is sung with.

    ``mix`` are Kokoro's packs and their shares, which sum to 1; ``throat`` multiplies every
    formant, so that above 1 it is a shorter throat; ``low`` to ``high`` are the MIDI pitches sung.
    """

    name: str
    mix: tuple[tuple[str, float], ...]
    throat: float
    low: int
    high: int

    @property
    def centre(self) -> float:
        """The middle of its range."""
        return (self.low + self.high) / 2


ALPHA, GON, NEZUMI, TEBUKURO, KUMO = (
    "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo",
)  # fmt: skip
VOICES = (
    Voice("soprano-1", ((TEBUKURO, 1.0),), 1.0, 60, 79),
    Voice("mezzo-1", ((ALPHA, 1.0),), 1.0, 57, 76),
    Voice("baritone-1", ((KUMO, 1.0),), 1.0, 43, 62),
    Voice("alto-1", ((GON, 0.6), (ALPHA, 0.4)), 0.94, 53, 72),
    Voice("mezzo-2", ((NEZUMI, 1.0),), 1.0, 56, 75),
    Voice("alto-2", ((GON, 1.0),), 0.97, 53, 72),
    Voice("tenor-1", ((KUMO, 0.7), (TEBUKURO, 0.3)), 1.0, 48, 67),
    Voice("tenor-2", ((KUMO, 0.65), (NEZUMI, 0.35)), 0.95, 48, 67),
    Voice("soprano-2", ((TEBUKURO, 0.5), (NEZUMI, 0.5)), 1.1, 60, 79),
    Voice("bass-1", ((KUMO, 1.0),), 0.88, 41, 59),
    Voice("alto-3", ((NEZUMI, 0.6), (KUMO, 0.4)), 0.97, 52, 70),
    Voice("soprano-3", ((TEBUKURO, 0.6), (GON, 0.4)), 1.05, 59, 78),
    Voice("tenor-3", ((KUMO, 1.0),), 1.13, 48, 67),
    Voice("mezzo-3", ((ALPHA, 0.5), (TEBUKURO, 0.5)), 0.95, 57, 76),
    Voice("baritone-2", ((KUMO, 0.8), (GON, 0.2)), 0.94, 44, 63),
    Voice("baritone-3", ((KUMO, 0.85), (ALPHA, 0.15)), 1.05, 44, 63),
)


def voices(split: str) -> tuple[Voice, ...]:
    """The voices that sing in a split: every fourth of the table only in ``held-out``."""
    assert split in SPLITS
    return tuple(
        voice
        for number, voice in enumerate(VOICES, 1)
        if (number % EVERY == 0) == (split == HELD_OUT)
    )


def draw_voice(split: str, rng: Rng) -> Voice:
    """One of the split's voices."""
    return pick(rng, voices(split))
