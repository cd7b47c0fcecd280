"""The clock shared by every stream: frames, seconds, beats, bars and sections."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.core.errors import did_you_mean

Array = NDArray[Any]
Features = dict[str, Array]
"""A stream drawn on a grid: named float32 arrays, laid out as the stream's ``layout`` says."""

FRAME_RATE = 100.0
"""Frames a second at which streams are drawn; one frame per mel frame."""

SECTION_TYPES = (
    "intro", "verse", "pre_chorus", "chorus", "post_chorus", "bridge", "instrumental",
    "solo", "breakdown", "buildup", "drop", "outro", "unknown",
)  # fmt: skip


def section_type(text: str) -> str:
    """Return the type; raise ``ValueError`` for what is none of ``SECTION_TYPES``."""
    if text not in SECTION_TYPES:
        hint = did_you_mean(text, SECTION_TYPES) or f"; known are {', '.join(SECTION_TYPES)}"
        raise ValueError(f"unknown type {text!r}{hint}")
    return text


@dataclass(frozen=True)
class Audio:
    """Samples of shape (channels, n), float32 in [-1, 1], at ``sample_rate`` Hz."""

    samples: NDArray[np.float32]
    sample_rate: int

    @property
    def mono(self) -> NDArray[np.float32]:
        """The mean of the channels, shape (n,); of one channel, that channel and no copy of it."""
        one = len(self.samples) == 1
        mono: NDArray[np.float32] = self.samples[0] if one else self.samples.mean(0, np.float32)
        return mono

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.sample_rate)


@dataclass(frozen=True)
class Metre:
    """A time signature. In 6/8, 9/8 and 12/8 the beat is the dotted quarter."""

    numerator: int = 4
    denominator: int = 4

    @classmethod
    def parse(cls, text: str) -> Metre:
        """Read ``3/4``; raise ``ValueError`` for what is no time signature."""
        found = re.fullmatch(r"([1-9]|1\d|2[0-4])/([1248]|16)", text, re.ASCII)
        if not found:
            raise ValueError(f"{text!r} is no time signature; write it like 4/4, 3/4 or 6/8")
        return cls(int(found[1]), int(found[2]))

    @property
    def compound(self) -> bool:
        """Whether the beat divides in three."""
        return self.denominator == 8 and self.numerator > 3 and self.numerator % 3 == 0

    @property
    def beats_per_bar(self) -> int:
        """How many beats a bar counts."""
        return self.numerator // 3 if self.compound else self.numerator

    def __str__(self) -> str:
        """Return it as written, ``6/8``."""
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True)
class TempoMark:
    """From ``beat`` on, ``bpm`` beats a minute."""

    beat: float
    bpm: float


@dataclass(frozen=True)
class SectionSpan:
    """One section, in seconds from the start of the song."""

    type: str
    start: float
    end: float


@dataclass(frozen=True)
class TimeGrid:
    """``frames`` frames from ``start`` seconds on, inside a song's beats, bars and sections."""

    frames: int
    frame_rate: float = FRAME_RATE
    start: float = 0.0
    tempo: tuple[TempoMark, ...] = (TempoMark(0.0, 120.0),)
    metre: Metre = Metre()
    sections: tuple[SectionSpan, ...] = ()
    song_duration: float = 0.0
    first_beat: float = 0.0
    """Seconds at which beat 0 falls (a recording need not start on a beat)."""

    @classmethod
    def of_song(
        cls,
        duration: float,
        tempo: float | tuple[TempoMark, ...] = 120.0,
        metre: Metre = Metre(),
        sections: tuple[SectionSpan, ...] = (),
        first_beat: float = 0.0,
        frame_rate: float = FRAME_RATE,
    ) -> TimeGrid:
        """Return the grid of a whole song of ``duration`` seconds."""
        marks = (TempoMark(0.0, tempo),) if isinstance(tempo, (int, float)) else tempo
        frames = max(1, round(duration * frame_rate))
        return cls(frames, frame_rate, 0.0, marks, metre, sections, duration, first_beat)

    @property
    def duration(self) -> float:
        """Seconds this grid covers."""
        return self.frames / self.frame_rate

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Centre of each frame, in seconds from the start of the song, shape (T,)."""
        return np.asarray(self.start + (np.arange(self.frames) + 0.5) / self.frame_rate, float)

    @property
    def beats(self) -> NDArray[np.float64]:
        """Centre of each frame in beats of the song, shape (T,)."""
        return self.to_beats(self.seconds)

    @property
    def bpm(self) -> NDArray[np.float64]:
        """Tempo at each frame, shape (T,)."""
        index = np.searchsorted([mark.beat for mark in self.tempo], self.beats, "right") - 1
        return np.asarray([mark.bpm for mark in self.tempo], float).take(np.maximum(index, 0))

    def to_beats(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """Seconds of the song to beats; the last tempo goes on for ever."""
        at, (beats, times, bpm) = np.asarray(seconds, float), self._knots()
        index = np.maximum(np.searchsorted(times, at, "right") - 1, 0)
        return np.asarray(beats[index] + (at - times[index]) * bpm[index] / 60.0)

    def to_seconds(self, beats: ArrayLike) -> NDArray[np.float64]:
        """Beats of the song to seconds."""
        at, (knots, times, bpm) = np.asarray(beats, float), self._knots()
        index = np.maximum(np.searchsorted(knots, at, "right") - 1, 0)
        return np.asarray(times[index] + (at - knots[index]) * 60.0 / bpm[index])

    def _knots(self) -> tuple[Array, Array, Array]:
        beats = np.asarray([mark.beat for mark in self.tempo], float)
        bpm = np.asarray([mark.bpm for mark in self.tempo], float)
        steps = np.diff(beats) * 60.0 / bpm[:-1]
        return beats, self.first_beat + np.concatenate([[0.0], np.cumsum(steps)]), bpm

    @property
    def beat_times(self) -> NDArray[np.float64]:
        """Seconds of every beat that falls inside this grid."""
        return self.to_seconds(self._numbers(1))

    @property
    def bar_times(self) -> NDArray[np.float64]:
        """Seconds of every bar line (downbeat) that falls inside this grid."""
        return self.to_seconds(self._numbers(self.metre.beats_per_bar))

    def _numbers(self, every: int) -> Array:
        # a millionth of a beat of slack, so that a line on the very edge is not lost to rounding
        first, last = self.to_beats([self.start, self.start + self.duration])
        low = math.ceil((first - 1e-6) / every)
        return np.arange(low, math.ceil((last - 1e-6) / every)) * every

    def misfit(self, start: float, end: float | None = None) -> str:
        """Return why a moment, or a span, of the song does not lie here; nothing where it does.

        A frame is let pass, as the grid of a section begins and ends on frames.
        """
        last = self.start + self.duration
        slack = 1 / self.frame_rate + 1e-6
        begins_inside = self.start - slack <= start < last
        if begins_inside and (end is None or end <= last + slack):
            return ""
        if self.start == 0 and abs(self.duration - self.song_duration) <= slack:
            return f"does not fit into the song, which lasts {self.song_duration:.6g} s"
        span = f"from {self.start:.6g} to {last:.6g} s of the song"
        return f"does not fit into this section, {span}"

    def window(self, first: int, frames: int) -> TimeGrid:
        """Return the grid of ``frames`` frames from frame ``first`` of this one on."""
        return replace(self, frames=frames, start=self.start + first / self.frame_rate)

    def between(self, start: float, end: float) -> TimeGrid:
        """Return the grid of the frames whose centres lie in [start, end) seconds of the song."""
        first, last = self.frames_between(start, end)
        return self.window(first, last - first)

    def frames_between(self, start: float, end: float) -> tuple[int, int]:
        """First frame and one past the last whose centres lie in [start, end), kept inside."""
        edges = (np.asarray([start, end]) - self.start) * self.frame_rate
        first, last = np.clip(np.ceil(edges - 0.5 - 1e-9), 0, self.frames).astype(int)
        return int(first), int(last)
