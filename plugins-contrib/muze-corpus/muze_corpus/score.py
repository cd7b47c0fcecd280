"""What a composed song is made of: metre, timeline, notes, tracks, sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from muze_corpus.harmony import Chord

TICKS = 480  # per quarter, of the MIDI files
# Each of these has draws of its own, so that any can change without the others changing.
WORDS, SOUND, SINGING, PRODUCTION, VARIETY = 1, 2, 3, 4, 5
T = TypeVar("T")
Rng = np.random.Generator


def pick(rng: Rng, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the options, drawn with the given weights."""
    if weights is None:
        return options[int(rng.integers(len(options)))]
    p = np.asarray(weights, dtype=float)
    return options[int(rng.choice(len(options), p=p / p.sum()))]


def chance(rng: Rng, p: float) -> bool:
    """True with probability p."""
    return bool(rng.random() < p)


@dataclass(frozen=True)
class Metre:
    """A time signature; steps are sixteenths, and the beat of 6/8 is the dotted quarter."""

    name: str
    beats: int
    steps_per_beat: int
    quarters_per_beat: float

    @property
    def steps(self) -> int:
        """Sixteenths in a bar."""
        return self.beats * self.steps_per_beat

    @property
    def ticks_per_beat(self) -> float:
        """Ticks of MIDI in a beat."""
        return TICKS * self.quarters_per_beat


METRES = {
    "4/4": Metre("4/4", 4, 4, 1.0),
    "3/4": Metre("3/4", 3, 4, 1.0),
    "6/8": Metre("6/8", 2, 6, 1.5),
}


@dataclass(frozen=True)
class Section:
    """A stretch of bars with one type, one energy and one tempo."""

    type: str
    start_bar: int
    bars: int
    energy: float
    bpm: float


@dataclass(frozen=True)
class ChordSpan:
    """A chord from start to end, in steps from the start of the song; None is no chord."""

    chord: Chord | None
    start: int
    end: int


@dataclass(frozen=True)
class Note:
    """A note in beats from the start of the song."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass
class Track:
    """One instrument's notes."""

    role: str
    program: int
    volume: int = 96
    notes: list[Note] = field(default_factory=list)

    def played(self, metre: Metre) -> list[tuple[int, int, Note]]:
        """When each note is struck and let go [ticks], as the MIDI file plays it, in written order.

        A note written while its key is still down is struck when the key comes free.
        """
        out: list[tuple[int, int, Note]] = []
        free_at: dict[int, int] = {}
        for n in sorted(self.notes, key=lambda n: n.start):
            begins, ends = (round(b * metre.ticks_per_beat) for b in (n.start, n.start + n.length))
            start = max(begins, free_at.get(n.pitch, 0))
            free_at[n.pitch] = stop = max(ends, start + 8)
            out.append((start, stop, n))
        return out


class Timeline:
    """Beats to seconds through a tempo map of (beat, bpm)."""

    def __init__(self, tempo_map: Sequence[tuple[float, float]]) -> None:
        self.beats = np.array([b for b, _ in tempo_map], dtype=float)
        self.bpms = np.array([bpm for _, bpm in tempo_map], dtype=float)
        lengths = np.diff(self.beats) * 60.0 / self.bpms[:-1]
        self.starts = np.concatenate([[0.0], np.cumsum(lengths)])

    def seconds(self, beat: float) -> float:
        """The time of a beat [s]."""
        i = max(0, int(np.searchsorted(self.beats, beat, side="right")) - 1)
        return float(self.starts[i] + (beat - self.beats[i]) * 60.0 / self.bpms[i])

    def bpm_at(self, beat: float) -> float:
        """The tempo at a beat."""
        return float(self.bpms[max(0, int(np.searchsorted(self.beats, beat, side="right")) - 1)])


@dataclass
class Song:
    """A composed song, before rendering."""

    seed: tuple[int, int]
    split: str
    genre: str
    metre: Metre
    tonic: int
    mode: str
    harmony: str
    sections: list[Section]
    chords: list[ChordSpan]
    tracks: dict[str, Track]
    drum_kit: int | None
    drum_pattern: str | None
    progressions: dict[str, str]
    tail: float  # seconds of ringing after the last bar
    drift: tuple[tuple[float, float], ...] = ()  # (beat, factor of the section's tempo)
    lift: tuple[int, int] | None = None  # from this bar on, semitones higher

    @property
    def bars(self) -> int:
        """Bars in the song."""
        return sum(s.bars for s in self.sections)

    @property
    def tempo_map(self) -> list[tuple[float, float]]:
        """(beat, bpm) wherever the tempo changes."""
        written = [(float(s.start_bar * self.metre.beats), s.bpm) for s in self.sections]
        steady, drift = dict(written), dict(self.drift)
        out: list[tuple[float, float]] = []
        bpm, factor = written[0][1], 1.0
        for beat in sorted({*steady, *drift}):
            bpm, factor = steady.get(beat, bpm), drift.get(beat, factor)
            now = bpm if factor == 1.0 else round(bpm * factor, 2)
            if not out or out[-1][1] != now:
                out.append((beat, now))
        return out

    @property
    def timeline(self) -> Timeline:
        """The song's clock."""
        return Timeline(self.tempo_map)

    @property
    def played_tempo(self) -> float:
        """The tempo that lasts longest, as it is written."""
        held: dict[float, float] = {}
        for s in self.sections:
            held[s.bpm] = held.get(s.bpm, 0.0) + s.bars / s.bpm
        return max(held, key=lambda bpm: held[bpm])

    @property
    def duration(self) -> float:
        """Length of the audio [s]."""
        return self.timeline.seconds(self.bars * self.metre.beats) + self.tail
