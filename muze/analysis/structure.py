"""The sections of a recording: where each begins, what it is, how lively and how sure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from muze.analysis.bars import hear_bars
from muze.analysis.borders import find_borders
from muze.analysis.loudness import intensity
from muze.analysis.section_types import find_repeats, name_sections
from muze.analysis.sound import hear
from muze.core.grid import SECTION_TYPES, Audio, TimeGrid

SHORTEST = 8.0
"""Seconds below which a recording has no form."""
UNSURE = 0.25
"""Probability below which a type is not told; about one in five of those would be right."""


@dataclass(frozen=True)
class Segment:
    """One section, in seconds of the song; energy and confidence are from 0 to 1."""

    type: str
    start: float
    end: float
    energy: float
    confidence: float


def hear_segments(
    audio: Audio, grid: TimeGrid, vocals: NDArray[np.bool_] | None = None
) -> list[Segment]:
    """Return the sections of a recording that starts at ``grid.start``, one after the other.

    They cover the grid and change on its bar lines. ``vocals`` is (T,), True in the frames of the
    grid where a voice is heard; leave it out where that is not known for all of them. ``energy`` is
    the mean of the energy stream's. ``confidence`` is the probability of the type as training songs
    have it, which is too sure of others (docs/dataset.md); one that is not likely is ``unknown``.
    So is, with confidence 0, a recording that is silent, shorter than 8 s, or without a change.
    """
    assert vocals is None or len(vocals) == grid.frames
    start, end = grid.start, grid.start + grid.duration
    if hear(audio).silent:
        return [Segment("unknown", start, end, 0.0, 0.0)]
    energy = intensity(audio, grid)
    if min(grid.duration, audio.duration) < SHORTEST:
        return [Segment("unknown", start, end, float(energy.mean()), 0.0)]
    bars = hear_bars(audio, grid)
    edges = [0, *find_borders(bars)[0], bars.count]
    if len(edges) == 2:
        return [Segment("unknown", start, end, float(energy.mean()), 0.0)]
    times = [start + float(bars.lines[edge]) for edge in edges[:-1]] + [end]
    frames = [grid.frames_between(a, b) for a, b in pairwise(times)]
    voice = None
    if vocals is not None:
        voice = np.asarray([vocals[a:b].mean() for a, b in frames], float)
    likely = name_sections(bars, edges, find_repeats(bars, edges), voice)
    segments = []
    for (a, b), (first, last), odds in zip(pairwise(times), frames, likely, strict=True):
        sure = float(odds.max())
        kind = SECTION_TYPES[int(odds.argmax())] if sure >= UNSURE else "unknown"
        segments.append(Segment(kind, a, b, float(energy[first:last].mean()), sure))
    return segments
