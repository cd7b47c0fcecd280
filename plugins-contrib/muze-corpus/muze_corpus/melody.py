"""Lead lines: motifs with a rhythm and a contour, realised over the chords."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from muze_corpus.harmony import Chord, scale_over
from muze_corpus.score import Metre, Rng, chance

ChordAt = Callable[[int], Chord | None]


@dataclass(frozen=True)
class Motif:
    """A phrase of (step, length, height) with height in scale steps about the phrase's centre."""

    bars: int
    notes: tuple[tuple[int, int, float], ...]


def _bar_rhythm(metre: Metre, density: float, closing: bool, rng: Rng) -> list[tuple[int, int]]:
    """Onsets and lengths in one bar; a closing bar ends on a long note."""
    spb, steps = metre.steps_per_beat, metre.steps
    if closing:
        first = 0 if chance(rng, 0.6) else spb // 2
        cut = first + int(rng.choice([0, spb // 2, spb]))
        onsets = sorted({first, cut})
        ends = [*onsets[1:], min(steps, onsets[-1] + int(rng.choice([spb, 2 * spb])))]
        return [(a, b - a) for a, b in zip(onsets, ends, strict=True) if b > a]
    onsets = []
    for s in range(0, steps, 1 if density > 1.6 else 2):
        beat, half = s % spb == 0, s % (spb // 2 or 1) == 0
        if metre.name == "6/8":
            half = s % 2 == 0
        p = density * (0.62 if beat else 0.36 if half else 0.14)
        if chance(rng, min(p, 0.92)):
            onsets.append(s)
    if not onsets:
        onsets = [0]
    out = []
    for a, b in zip(onsets, [*onsets[1:], steps], strict=True):
        length = b - a
        if length > 2 and chance(rng, 0.35):
            length -= int(rng.integers(1, length // 2 + 1))  # a breath
        out.append((a, min(length, 2 * spb)))
    return out


def draw_motif(metre: Metre, bars: int, density: float, reach: float, rng: Rng) -> Motif:
    """A phrase A B A' C: the first bar's idea comes back, the last bar closes."""
    ideas: dict[str, list[tuple[int, int, float]]] = {}
    notes: list[tuple[int, int, float]] = []
    plan = (
        ("A", "C")
        if bars == 2
        else ("A", "B", "A", "C")
        if chance(rng, 0.7)
        else ("A", "A", "B", "C")
    )
    drift = float(rng.uniform(-1, 1))
    for k, name in enumerate(plan):
        if name not in ideas:
            rhythm = _bar_rhythm(metre, density, name == "C", rng)
            height, line = float(rng.normal(0, reach)), []
            for a, length in rhythm:
                line.append((a, length, height))
                leap = float(rng.choice([1, 1, 1, 2, 2, 3, 4])) * float(rng.choice([-1, 1]))
                height = 0.8 * (height + leap)
            ideas[name] = line
        lift = drift * k
        notes += [(k * metre.steps + a, n, h + lift) for a, n, h in ideas[name]]
    return Motif(bars, tuple(notes))


def realise(
    motif: Motif,
    metre: Metre,
    start_step: int,
    end_step: int,
    chord_at: ChordAt,
    scale: frozenset[int],
    centre: int,
    vary: float,
    rng: Rng,
) -> list[tuple[int, int, int]]:
    """(step, length, pitch) of the motif repeated from start to end, following the chords.

    Chord tones on beats and on long notes, tones of the bent scale between; vary is the chance
    that a note is moved, left out or split when the motif comes back.
    """
    out: list[tuple[int, int, int]] = []
    span, last, repeats = motif.bars * metre.steps, 0, 0
    for base in range(start_step, end_step, span):
        again = base > start_step
        for a, length, height in motif.notes:
            step = base + a
            chord = chord_at(step) if step < end_step else None
            if chord is None:
                continue
            if again and chance(rng, vary):
                height += float(rng.choice([-2, -1, 1, 2]))
                if chance(rng, 0.2):
                    continue
            strong = a % metre.steps_per_beat == 0 or length >= metre.steps_per_beat
            allowed = frozenset(chord.tones) if strong else scale_over(chord, scale)
            target = centre + 1.75 * height
            pitches = [p for p in range(centre - 14, centre + 15) if p % 12 in allowed]
            pitch = min(pitches, key=lambda p: (abs(p - target), p))
            if pitch == last:
                repeats += 1
                if repeats > 1:
                    pitch = min((p for p in pitches if p != last), key=lambda p: abs(p - target))
            if pitch != last:
                repeats = 0
            last = pitch
            length = min(length, end_step - step)
            # A long note gives way where the next chord does not hold it.
            keep = 1
            while keep < length:
                there = chord_at(step + keep)
                if there is not None and pitch % 12 not in scale_over(there, scale):
                    break
                keep += 1
            out.append((step, keep, pitch))
    return out
