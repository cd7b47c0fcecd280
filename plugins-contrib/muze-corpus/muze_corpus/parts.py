"""Patterns made into notes: bass, comping, pads, arpeggios, counter lines and drums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from muze_corpus.harmony import Chord, voicing
from muze_corpus.patterns import CR, FILLS, OH, H, K, P, R, S
from muze_corpus.programs import GUITARS
from muze_corpus.score import ChordSpan, Metre, Note, Rng, Track, chance, pick

_HITS = {"X": 116, "x": 98, "o": 70, "g": 46}
LIGHT = frozenset({H, P, R, 51, 54, 69, 70, 73, 75, 63, 64, 60})


@dataclass
class Stage:
    """Where notes are placed: metre, swing, tempo, looseness, and how loud the bar is."""

    rng: Rng
    metre: Metre
    swing: float
    swing_on: int
    bpm: float
    looseness_ms: float
    energies: list[float] = field(default_factory=list)  # by bar of the song

    def beat(self, step: float) -> float:
        """The beat of a step, swung."""
        spb = self.metre.steps_per_beat
        whole, p = divmod(step, spb)
        if self.swing and spb == 4:
            half = self.swing_on
            pair, q = divmod(p, 2 * half)
            r = self.swing
            q = q * 2 * r if q < half else 2 * half * r + (q - half) * 2 * (1 - r)
            p = pair * 2 * half + q
        return whole + p / spb

    def loudness(self, step: float) -> float:
        """The factor on velocities at a step."""
        bar = min(int(step // self.metre.steps), len(self.energies) - 1)
        return 0.6 + 0.46 * self.energies[bar]

    def play(
        self, track: Track, step: float, length: float, pitch: int, velocity: float,
        late_ms: float = 0.0, tight: float = 1.0,
    ) -> None:  # fmt: skip
        """Adds a humanised note; length is in steps."""
        ms = late_ms + float(np.clip(self.rng.normal(0, 1), -2, 2)) * self.looseness_ms * tight
        start = max(0.0, self.beat(step) + ms * self.bpm / 60_000)
        end = self.beat(step + length) - 0.02
        v = velocity * self.loudness(step) + float(self.rng.normal(0, 4))
        v *= 1.06 if step % self.metre.steps == 0 else 1.0
        note = Note(start, max(0.05, end - start), pitch, int(np.clip(v, 16, 127)))
        track.notes.append(note)


def events(pattern: str) -> list[tuple[str, int, int]]:
    """(token, step, length) of a pattern, where - holds and . rests."""
    out: list[tuple[str, int, int]] = []
    for i, token in enumerate(pattern):
        if token == "-" and out and out[-1][1] + out[-1][2] == i:
            t, s, n = out[-1]
            out[-1] = (t, s, n + 1)
        elif token not in ".-":
            out.append((token, i, 1))
    return out


def over_chords(
    patterns: Sequence[str], metre: Metre, spans: Sequence[ChordSpan], first: int, last: int
) -> Iterator[tuple[str, int, int, ChordSpan]]:
    """Each pattern event from step first to last with its chord; held notes break at changes."""
    k = 0
    for bar, at in enumerate(range(first, last, metre.steps)):
        for token, s, n in events(patterns[bar % len(patterns)]):
            start, end = at + s, min(at + s + n, last)
            while start < end:
                while spans[k].end <= start:
                    k += 1
                while spans[k].start > start:
                    k -= 1
                stop = min(end, spans[k].end)
                if spans[k].chord is not None:
                    yield token, start, stop - start, spans[k]
                start = stop


def next_chord(spans: Sequence[ChordSpan], span: ChordSpan) -> Chord | None:
    """The chord after a span."""
    i = spans.index(span)
    return spans[i + 1].chord if i + 1 < len(spans) else None


def bass_part(
    stage: Stage, track: Track, patterns: Sequence[str], spans: Sequence[ChordSpan],
    first: int, last: int, low: int, velocity: float,
) -> None:  # fmt: skip
    """Roots (or slash notes) first in every chord, other tones as the pattern says."""
    seen: ChordSpan | None = None
    for token, step, length, span in over_chords(patterns, stage.metre, spans, first, last):
        chord = span.chord
        assert chord is not None
        root = low + (chord.bass - low) % 12
        tones = [low + (t - low) % 12 for t in chord.tones]
        upper = [t if t > root else t + 12 for t in tones]
        if span is not seen and token in "w357a":
            token = "R"  # a chord is first heard on its bass note
        seen = span
        pitch = root
        if token == "8":
            pitch = root + 12
        elif token in "357":
            pitch = upper[min("357".index(token) + 1, len(upper) - 1)]
        elif token == "w":
            pitch = pick(stage.rng, [*upper[1:], root, root + 12])
        elif token == "a" and (then := next_chord(spans, span)) and step + length >= span.end:
            pitch = low + (then.bass - low) % 12 + pick(stage.rng, (-1, 1))
        stage.play(track, step, length, pitch, velocity, tight=0.7)


def comp_part(
    stage: Stage, track: Track, patterns: Sequence[str], spans: Sequence[ChordSpan],
    first: int, last: int, low: int, voices: int, velocity: float, grounded: bool,
) -> None:  # fmt: skip
    """Chords by pattern, voice-led; grounded adds the bass note where no bass plays."""
    previous: list[int] = []
    held: ChordSpan | None = None
    down = True
    for token, step, length, span in over_chords(patterns, stage.metre, spans, first, last):
        chord = span.chord
        assert chord is not None
        if span is not held:
            previous, held = voicing(chord, low, voices, previous), span
        root = low - 12 + (chord.bass - low) % 12
        if token == "#":
            pitches = [root, *previous] if grounded else previous
        elif token == "u":
            pitches = previous[1:]
        elif token == "b":
            pitches = [root]
            if span.start == step:  # never leave a new chord to its root alone
                pitches = [root, *previous]
        elif token == "p":
            fifth = chord.tones[2]
            pitches = [root, root + (fifth - chord.bass) % 12]
        else:
            i = int(token) - 1
            pitches = [previous[i % len(previous)] + 12 * (i // len(previous))]
        single = len(pitches) == 1
        stagger = 11.0 if track.program in GUITARS and not single else 0.0
        order = pitches if down else pitches[::-1]
        if track.program in GUITARS and token == "#":
            down = not down or step % stage.metre.steps_per_beat == 0
        off = 0.0 if step % stage.metre.steps_per_beat == 0 else 5.0
        for k, p in enumerate(order):
            loud = velocity - off + (4 if single else 0)
            stage.play(track, step, length, p, loud, late_ms=k * stagger, tight=0.5)


def pad_part(
    stage: Stage, track: Track, spans: Sequence[ChordSpan], first: int, last: int, low: int,
    voices: int, velocity: float,
) -> None:  # fmt: skip
    """Each chord held through, voice-led."""
    previous: list[int] = []
    for span in spans:
        start, end = max(first, span.start), min(last, span.end)
        if span.chord is None or end <= start:
            continue
        previous = voicing(span.chord, low, voices, previous)
        for p in previous:
            stage.play(track, start, end - start, p, velocity)


def counter_part(
    stage: Stage, track: Track, spans: Sequence[ChordSpan], first: int, last: int, low: int,
    velocity: float,
) -> None:  # fmt: skip
    """One long chord tone per chord, moving as little as it can."""
    pitch = low + 7
    for span in spans:
        start, end = max(first, span.start), min(last, span.end)
        if span.chord is None or end <= start:
            continue
        tones = span.chord.tones[1:]
        options = [p for p in range(low, low + 15) if p % 12 in tones]
        near = [p for p in options if p != pitch] if chance(stage.rng, 0.5) else options
        pitch = min(near or options, key=lambda p: abs(p - pitch))
        stage.play(track, start, end - start, pitch, velocity)


def drum_part(
    stage: Stage, track: Track, pattern: dict[int, str], level: int, first: int, last: int,
    fill: bool, crash: bool, rising: bool,
) -> None:  # fmt: skip
    """A section's drums: level 1 light, 2 the pattern, 3 with more cymbals; a fill at the end."""
    metre, rng = stage.metre, stage.rng
    bars = (last - first) // metre.steps
    open_hat = level == 3 and H in pattern and OH not in pattern and chance(rng, 0.4)
    filling = pick(rng, FILLS[metre.steps]) if fill else {}
    fill_from = min((s.find(s.strip(".")) for s in filling.values()), default=metre.steps)
    for bar in range(bars):
        at, is_last = first + bar * metre.steps, bar == bars - 1
        for drum, hits in pattern.items():
            if level == 1 and drum not in LIGHT and drum != K:
                continue
            for s, hit in enumerate(hits):
                if hit == "." or (level == 1 and drum == K and s != 0):
                    continue
                if hit in "og" and chance(rng, 0.08):
                    continue
                if is_last and fill and s >= fill_from and drum != K:
                    continue
                note = drum
                if open_hat and drum == H and s % metre.steps_per_beat == 2:
                    note = OH
                soft = 0.8 if level == 1 else 1.0
                stage.play(track, at + s, 1, note, _HITS[hit] * soft, tight=0.45)
        if level >= 2 and not rising and bar and chance(rng, 0.12):
            stage.play(track, at + metre.steps - 2, 1, K, 84, tight=0.4)
        if is_last:
            for drum, hits in filling.items():
                for s, hit in enumerate(hits):
                    if hit != ".":
                        stage.play(track, at + s, 1, drum, _HITS[hit], tight=0.4)
        if rising:
            every = 4 if bar < bars / 2 else 2 if not is_last else 1
            for s in range(0, metre.steps, every):
                v = 48 + 62 * (bar * metre.steps + s) / (bars * metre.steps)
                stage.play(track, at + s, 1, S, v, tight=0.3)
    if crash:
        stage.play(track, first, 4, CR, 104, tight=0.3)
