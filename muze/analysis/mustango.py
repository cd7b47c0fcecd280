"""The control metrics of Mustango (Melechovsky et al. 2023, arXiv:2311.08355), one sample each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from muze.core.theory import NO_CHORD, Chord, Key

MARKS = (40, 60, 70, 90, 110, 140, 160, 210)
"""Borders in BPM of the nine bins of tempo."""

MINOR = {"m", "m7", "m6", "m7b5", "m9", "madd9", "mmaj7"}
OTHER = {
    "dim": "dim",
    "dim7": "dim",
    "aug": "aug",
    "sus2": "sus",
    "sus4": "sus",
    "7sus4": "sus",
    "5": "5",
}


def tempo_bin(bpm: float) -> int:
    """Return 0 to 8; a tempo on a border belongs to the bin below."""
    return sum(bpm > mark for mark in MARKS)


def same_bin(asked: float, heard: float) -> float:
    """TB: 1 where both tempi share a bin, else 0."""
    return float(tempo_bin(asked) == tempo_bin(heard))


def same_or_next_bin(asked: float, heard: float) -> float:
    """TBT: 1 where the bins are the same or neighbours, else 0."""
    return float(abs(tempo_bin(asked) - tempo_bin(heard)) < 2)


def same_key(asked: Key, heard: Key) -> float:
    """CK: 1 where tonic and major or minor are the same, else 0."""
    return float(asked.index == heard.index)


def same_or_relative_key(asked: Key, heard: Key, as_released: bool = False) -> float:
    """CKD: 1 where the keys are the same or relative, else 0.

    This is the metric as described. The released code moves the wrong way between minor and
    major, and takes F# major for A minor's relative; published figures are of that.
    """
    relative = 3 if (asked.index >= 12) != as_released else -3
    turned = (asked.tonic + relative) % 12 + (0 if asked.index >= 12 else 12)
    return float(heard.index in (asked.index, turned))


def exact_chord_match(asked: Sequence[str], heard: Sequence[str]) -> float | None:
    """ECM: share of the asked chords met in order, read greedily; None if none is asked."""
    if not asked:
        return None
    met = 0
    for chord in heard:
        met += met < len(asked) and chord == asked[met]
    return met / len(asked)


def perfect_chord_match(asked: Sequence[str], heard: Sequence[str]) -> float | None:
    """PCM: 1 where all asked chords are met in order, else 0; None if none is asked."""
    share = exact_chord_match(asked, heard)
    return None if share is None else float(share == 1)


def chord_match_any_order(asked: Sequence[str], heard: Sequence[str]) -> float | None:
    """CMO: share of the asked chords heard at any place; None if none is asked."""
    return _bag(asked, heard)


def chord_match_any_order_majmin(asked: Sequence[str], heard: Sequence[str]) -> float | None:
    """CMOM: the same, comparing only roots and major, minor or other."""
    return _bag([_root_and_class(c) for c in asked], [_root_and_class(c) for c in heard])


def _bag(asked: Sequence[Hashable], heard: Sequence[Hashable]) -> float | None:
    if not asked:
        return None
    pool, met = list(heard), 0
    for chord in asked:
        if chord in pool:
            pool.remove(chord)
            met += 1
    return met / len(asked)


def _root_and_class(symbol: str) -> tuple[int, str]:
    chord = Chord.parse(symbol)
    if chord is None:
        return -1, NO_CHORD
    return chord.root, OTHER.get(chord.quality, "m" if chord.quality in MINOR else "")
