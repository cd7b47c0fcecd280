"""The pitch a singer gives to notes: glides between them, vibrato, a little drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from muze.analysis.melody import midi_to_hz
from muze.voice.score import SungNote
from muze.voice.world import PERIOD

PORTAMENTO = 0.05
"""Seconds of the glide from note to note, half of it before the new one begins."""
HASTE = 0.15
"""Share of the shorter of two notes that the glide between them takes at most."""
APART = 0.25
"""Seconds of rest across which nothing glides."""
DRIFT = 4.0
"""Cents by which a held pitch wanders, as a standard deviation."""
DRIFT_SECONDS = 0.15
ONSET, SWELL = 0.25, 0.2
"""Seconds of a note before its vibrato begins, and until it is whole."""


@dataclass(frozen=True)
class Vibrato:
    """Hz and cents of a swing to either side; 0 cents is none.

    ``extent`` is the share of each note that swings, its end; None swings as is usual.
    """

    rate: float
    depth: float
    extent: float | None = None


def pitch_curve(
    notes: Sequence[SungNote], start: float, frames: int, vibrato: Vibrato, seed: int
) -> NDArray[np.float64]:
    """Return Hz at each 5 ms from ``start`` on, (frames,): the nearest note's where none sounds."""
    at = start + np.arange(frames) * PERIOD
    cents = np.full(frames, 100.0 * notes[0].pitch)
    for before, note in pairwise(notes):
        if note.start - before.end > APART:
            middle = before.end + (note.start - before.end) / 2
            cents[at >= middle] = 100 * note.pitch
            continue
        shorter = min(before.end - before.start, note.end - note.start)
        glide = max(PERIOD, min(PORTAMENTO, HASTE * shorter))
        share = np.clip((at - note.start) / glide + 0.5, 0, 1)
        eased = 0.5 - 0.5 * np.cos(np.pi * share)
        glided = 100 * (before.pitch + (note.pitch - before.pitch) * eased)
        cents = np.where(share > 0, glided, cents)
    for note in notes:
        inside = (at >= note.start) & (at < note.end)
        length = note.end - note.start
        still, swells = ONSET, SWELL
        if vibrato.extent is not None:
            still = (1 - vibrato.extent) * length
            swells = min(SWELL, vibrato.extent * length / 4)
        since = at[inside] - note.start - still
        swell = np.clip(since / max(swells, PERIOD), 0, 1)
        cents[inside] += vibrato.depth * swell * np.sin(2 * np.pi * vibrato.rate * since)
    wander = np.random.default_rng(seed).standard_normal(frames + 1)[:frames]
    smooth = gaussian_filter1d(wander, DRIFT_SECONDS / PERIOD, mode="nearest")
    scale = smooth.std()
    cents += DRIFT * smooth / scale if scale > 0 else 0.0
    return midi_to_hz(cents / 100)
