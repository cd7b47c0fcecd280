"""What sections are called: which of them repeat, and what speaks for each type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from muze.analysis.bars import Array, Bars
from muze.core.grid import SECTION_TYPES

NOTES_WEIGHT, RHYTHM_WEIGHT, SAME_BIAS = 8.0, 4.0, -6.7
"""Log-odds that two sections are the same, by the cosines of their bars one by one."""

LEVEL_DB, LEVEL_ACTIVITY = 6.0, 0.3
"""Sections that differ by less, in dB or in onset strength, are not spread from 0 to 1."""
RISE_DB, RISE_ACTIVITY = 6.0, 0.3  # from a section's first third to its last
CLEARLY = 0.1  # of the song's range of levels: a section that is louder by as much is louder
VOICED = 0.4  # share of a section in which a voice is heard; one that is sung has pauses

CUES = ("first", "last", "opens", "level", "rank", "again", "hook", "late", "rising", "falling",
        "lift", "up", "short", "to_hook", "from_hook", "after_rise", "voice", "always")  # fmt: skip
"""What is found of a section: the words in which ``WEIGHTS`` speaks."""
BY_PLACE = ("first", "last")
"""Cues of one section alone; the others are the mean over all sections that are the same."""

WEIGHTS: dict[str, dict[str, float]] = {
    "intro": {"first": 4.0, "last": -1.0, "level": -1.0, "rank": -0.5, "again": -2.0, "hook": -0.5,
        "late": -1.0, "rising": 0.5, "lift": 0.5, "short": 1.5, "voice": -1.5, "always": -1.0},
    "verse": {"opens": 0.5, "level": 1.0, "rank": -1.0, "again": 0.5, "late": -2.0, "rising": -2.5,
        "short": -2.5, "to_hook": 0.5, "from_hook": -0.5, "voice": 1.5, "always": 2.5},
    "pre_chorus": {"last": -0.5, "opens": -1.0, "level": 0.5, "late": -1.0, "rising": 0.5,
        "lift": 0.5, "up": 0.5, "short": 1.0, "to_hook": 0.5, "voice": 1.0, "always": -0.5},
    "chorus": {"opens": -1.0, "rank": 1.0, "again": 1.0, "hook": 0.5, "rising": -2.0, "lift": -0.5,
        "short": -0.5, "voice": 1.5, "always": 1.5},
    "post_chorus": {"opens": -0.5, "rank": 0.5, "again": 0.5, "hook": -0.5, "lift": -0.5,
        "up": -0.5, "short": 0.5, "from_hook": 1.0, "always": -1.0},
    "bridge": {"last": -2.0, "opens": -1.5, "level": 0.5, "again": -1.0, "late": 0.5,
        "to_hook": 1.0, "from_hook": 0.5, "voice": 0.5, "always": 0.5},
    "instrumental": {"level": 1.5, "lift": -0.5, "short": -1.0, "voice": -2.0, "always": 0.5},
    "solo": {"last": -0.5, "opens": -1.0, "level": 1.5, "rank": 0.5, "again": -1.5, "short": -0.5,
        "voice": -2.0, "always": 0.5},
    "breakdown": {"last": -1.5, "opens": -1.5, "level": -1.5, "rank": -0.5, "lift": 1.5, "up": -1.5,
        "voice": -0.5, "always": 0.5},
    "buildup": {"last": -0.5, "opens": -0.5, "rising": 4.0, "lift": 0.5, "up": 1.5, "to_hook": 0.5,
        "voice": -0.5, "always": -0.5},
    "drop": {"opens": -1.5, "level": 0.5, "rank": 0.5, "again": 0.5, "lift": -1.5,
        "after_rise": 4.0, "voice": -1.5, "always": -0.5},
    "outro": {"first": -1.0, "last": 1.0, "level": -0.5, "rank": -0.5, "again": -0.5, "late": 2.0,
        "falling": 1.5, "voice": -0.5, "always": -1.5},
}  # fmt: skip
"""How much each cue speaks for a type: log-odds. Fitted by ``benchmarks/train_segments.py`` on
training songs and rounded. By hand: ``voice``, since those songs have none, and what speaks against
an intro that comes again and a breakdown that a song begins with."""


def find_repeats(bars: Bars, edges: Sequence[int]) -> NDArray[np.int_]:
    """Return the group of each section, shape (N,); sections of one group are the same again.

    ``edges`` are the N + 1 bars at which sections begin and end. Sections are compared bar by bar,
    as far as the shorter goes, and grouped by average linkage.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    count = len(edges) - 1
    if count == 1:
        return np.zeros(1, int)
    different = []
    for a in range(count):
        for b in range(a + 1, count):
            length = min(edges[a + 1] - edges[a], edges[b + 1] - edges[b])
            notes, rhythm = (
                float((x[:, edges[a] :][:, :length] * x[:, edges[b] :][:, :length]).sum()) / length
                for x in (bars.notes, bars.rhythm)
            )
            odds = NOTES_WEIGHT * notes + RHYTHM_WEIGHT * rhythm + SAME_BIAS
            different.append(1 / (1 + np.exp(odds)))
    groups: NDArray[np.int_] = fcluster(linkage(different, "average"), 0.5, "distance")
    return groups


def name_sections(
    bars: Bars, edges: Sequence[int], groups: NDArray[np.int_], voice: Array | None
) -> NDArray[np.float64]:
    """Return the probability of each type but ``unknown``, shape (N, 12).

    ``voice`` is the share of each section in which a voice is heard, (N,), where that is known.
    """
    weights = [[WEIGHTS[t].get(cue, 0.0) for cue in CUES] for t in SECTION_TYPES[:-1]]
    scores = section_cues(bars, edges, groups, voice) @ np.asarray(weights).T
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def section_cues(
    bars: Bars, edges: Sequence[int], groups: NDArray[np.int_], voice: Array | None
) -> NDArray[np.float64]:
    """Return ``CUES`` of each section, shape (N, 18).

    All are from 0 to 1, or from -1 to 1. ``opens``: the song begins with it, or with the same.
    ``level``: how loud and busy it is within the song. ``rank``: whether the others are calmer.
    ``hook``: the loudest that comes again. ``late``: how far beyond the middle. ``lift``, ``up``:
    the next is louder; it is louder than the one before. ``short``: beside the median.
    ``to_hook``, ``from_hook``: the hook follows, or came before. ``after_rise``: the one before
    rises, and is not the first, which swells in any music. ``voice``: 0 where nothing is known.
    """
    activity = bars.activity
    first, last = np.asarray(edges[:-1]), np.asarray(edges[1:])
    count = len(first)
    level = (
        _spread(_means(bars.level_db, bars.seconds, edges), LEVEL_DB)
        + _spread(_means(activity, bars.seconds, edges), LEVEL_ACTIVITY)
    ) / 2
    rise = np.asarray([
        _rise(bars.level_db[a:b]) / RISE_DB + _rise(activity[a:b]) / RISE_ACTIVITY
        for a, b in zip(first, last, strict=True)
    ]) / 2  # fmt: skip
    rise = np.clip(rise, -1, 1)
    same = groups[:, None] == groups[None]
    again = same.sum(axis=1) > 1
    of_group = same @ level / same.sum(axis=1)
    candidates = np.flatnonzero(again) if again.any() else np.arange(count)
    hook = groups == groups[candidates[of_group[candidates].argmax()]]
    length = bars.lines[last] - bars.lines[first]
    rank = _rank(same, level, length)
    middle = (bars.lines[last] + bars.lines[first]) / 2 / bars.lines[-1]
    step = np.diff(level)
    voiced = np.zeros(count)
    if voice is not None and voice.any():
        voiced = 2 * np.minimum(1, voice / VOICED) - 1
    cues = {
        "first": np.arange(count) == 0,
        "last": np.arange(count) == count - 1,
        "opens": same[0],
        "level": 2 * level - 1,
        "rank": rank,
        "again": again,
        "hook": hook,
        "late": np.maximum(0, 2 * middle - 1),
        "rising": np.maximum(0, rise),
        "falling": np.maximum(0, -rise),
        "lift": np.clip(np.append(step, 0) / 0.5, -1, 1),
        "up": np.clip(np.insert(step, 0, 0) / 0.5, -1, 1),
        "short": np.clip(2 - 2 * length / np.median(length), 0, 1),
        "to_hook": ~hook & np.append(hook[1:], False),
        "from_hook": ~hook & np.insert(hook[:-1], 0, False),
        "after_rise": np.maximum(0, np.insert(rise[:-1], 0, 0)) * (np.arange(count) > 1),
        "voice": voiced,
        "always": np.ones(count),
    }
    out = np.stack([np.asarray(cues[name], float) for name in CUES], axis=1)
    means = same @ out / same.sum(axis=1, keepdims=True)
    alone = [CUES.index(name) for name in BY_PLACE]
    means[:, alone] = out[:, alone]
    return np.asarray(means)


def _means(
    x: NDArray[np.float64], weights: NDArray[np.float64], edges: Sequence[int]
) -> NDArray[np.float64]:
    total = np.add.reduceat(x * weights, edges[:-1])
    return np.asarray(total / np.add.reduceat(weights, edges[:-1]))


def _spread(x: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Place values from 0, the lowest, to 1, the highest; ``least`` apart if they lie closer."""
    top = float(x.max())
    low = min(float(x.min()), top - least)
    return np.asarray((x - low) / (top - low))


def _rank(same: Array, level: Array, length: Array) -> NDArray[np.float64]:
    """From -1, where all other groups are louder, to 1; intro and outro do not count."""
    counted = length.copy()
    if len(length) > 4:
        counted[[0, -1]] = 0.0
    of_group = same @ (level * length) / (same @ length)
    calmer = np.clip((of_group[:, None] - level[None]) / CLEARLY, -1, 1)
    others = ~same * counted
    return np.asarray((calmer * others).sum(axis=1) / np.maximum(others.sum(axis=1), 1e-9))


def _rise(x: NDArray[np.float64]) -> float:
    third = max(1, len(x) // 3)
    return float(x[-third:].mean() - x[:third].mean())
