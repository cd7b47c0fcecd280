"""Where everything falls: bar lines, sections on them, the length of the song."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from muze.core.grid import Metre, SectionSpan, TempoMark, TimeGrid
from muze.manifest import Faults, Song
from muze.manifest.song import Section
from muze.pipelines.templates import Part

LONGEST = 3600.0
"""Seconds a song may last."""
DEFAULT_DURATION = 30.0
SLACK = 0.01
"""Seconds by which a length given in seconds may miss its last bar line: rounding by hand."""


@dataclass(frozen=True)
class Span:
    """A section laid on the bars; ``energy`` where the form tells it."""

    type: str
    first_bar: int
    bars: int
    start: float
    end: float
    energy: float | None = None


@dataclass(frozen=True)
class Layout:
    """A song's clock: its length in seconds, the tempo of each bar, and its sections."""

    duration: float
    bpm: tuple[float, ...]
    sections: tuple[Span, ...]

    def tempo(self, metre: Metre) -> tuple[TempoMark, ...]:
        """Return the tempo map of the bars, one mark at each bar where the tempo changes."""
        return tuple(
            TempoMark(float(bar * metre.beats_per_bar), value)
            for bar, value in enumerate(self.bpm)
            if bar == 0 or value != self.bpm[bar - 1]
        )

    def grid(self, metre: Metre) -> TimeGrid:
        """Return the song's clock, on which streams are drawn."""
        spans = tuple(SectionSpan(s.type, s.start, s.end) for s in self.sections)
        return TimeGrid.of_song(self.duration, self.tempo(metre), metre, spans)


class Bars:
    """Bars laid one after the other, each at its own tempo."""

    def __init__(self, metre: Metre) -> None:
        self.beats_per_bar = metre.beats_per_bar
        self.bpm: list[float] = []
        self.lines = [0.0]

    def length(self, bpm: float) -> float:
        """Seconds a bar lasts."""
        return self.beats_per_bar * 60.0 / bpm

    def add(self, bpm: float) -> None:
        """Lay one more bar."""
        self.bpm.append(bpm)
        self.lines.append(self.lines[-1] + self.length(bpm))


def lay_out(
    song: Song,
    metre: Metre,
    base: Callable[[int], float],
    section_bpm: dict[int, float],
    form: Callable[[int, float], list[Part]],
    faults: Faults,
) -> Layout | None:
    """Return the song's layout; None, with faults noted, where its lengths do not go together.

    ``base`` gives the tempo of a bar (from 0), ``section_bpm`` that of a section that has its own.
    ``form`` gives the sections of a song that names none, of its bars and their seconds.
    """
    bars = Bars(metre)
    if song.sections:
        spans = _place_sections(song.sections, bars, base, section_bpm, faults)
    else:
        spans = _fit(song, bars, base, form)
    if spans is None or not _agrees(song, bars, spans, faults):
        return None
    duration = spans[-1].end if song.duration is None else song.duration
    last = spans[-1]
    spans[-1] = Span(last.type, last.first_bar, last.bars, last.start, duration, last.energy)
    return Layout(duration, tuple(bars.bpm), tuple(spans))


def _place_sections(
    sections: list[Section],
    bars: Bars,
    base: Callable[[int], float],
    section_bpm: dict[int, float],
    faults: Faults,
) -> list[Span] | None:
    spans: list[Span] = []
    said = 0.0  # where the seconds said so far end; bar lines are the nearest to it
    for index, section in enumerate(sections):
        first = len(bars.bpm)

        def tempo(index: int = index) -> float:
            return section_bpm.get(index) or base(len(bars.bpm))

        if section.bars is not None:
            for _ in range(section.bars):
                bars.add(tempo())
            said = end = bars.lines[-1]
        else:
            assert section.seconds is not None
            said += section.seconds
            last = index == len(sections) - 1
            share = 1e-6 if last else 0.5  # the last section's last bar is cut, not dropped
            while said - bars.lines[-1] >= share * bars.length(tempo()):
                bars.add(tempo())
            end = said if last else bars.lines[-1]
        if len(bars.bpm) == first:
            needed = bars.length(tempo())
            faults.add(
                ("structure", "sections", index, "seconds"),
                f"{section.seconds:g} s leaves it without a bar line; a bar lasts {needed:.2f} s",
            )
            return None
        if bars.lines[-1] > LONGEST + bars.length(bars.bpm[-1]):
            faults.add(("structure", "sections", index), f"the song is longer than {LONGEST:g} s")
            return None
        spans.append(Span(section.type, first, len(bars.bpm) - first, bars.lines[first], end))
    return spans


def _fit(
    song: Song,
    bars: Bars,
    base: Callable[[int], float],
    form: Callable[[int, float], list[Part]],
) -> list[Span]:
    if song.bars is not None:
        for bar in range(song.bars):
            bars.add(base(bar))
    else:
        wanted = DEFAULT_DURATION if song.duration is None else song.duration
        while bars.lines[-1] < wanted - SLACK:
            bars.add(base(len(bars.bpm)))
    spans, first = [], 0
    for part in form(len(bars.bpm), bars.lines[-1]):
        start, end = bars.lines[first], bars.lines[first + part.bars]
        spans.append(Span(part.type, first, part.bars, start, end, part.energy))
        first += part.bars
    if song.bars is None and song.duration is None:
        last = spans[-1]
        spans[-1] = Span(
            last.type, last.first_bar, last.bars, last.start, DEFAULT_DURATION, last.energy
        )
    return spans


def _agrees(song: Song, bars: Bars, spans: list[Span], faults: Faults) -> bool:
    """Whether bars, duration and sections say the same length; else a fault is noted."""
    count, end = len(bars.bpm), spans[-1].end
    if song.bars is not None and song.bars != count:
        faults.add(("bars",), f"says {song.bars}, but the sections take {count} bars")
        return False
    # the last bar may be cut, never left out or added
    if song.duration is not None and not (bars.lines[-2] < song.duration <= bars.lines[-1] + SLACK):
        who = "the sections take" if song.sections else f"{count} bars take"
        faults.add(
            ("duration",),
            f"says {song.duration:g} s, but {who} {end:.2f} s ({count} bars); "
            "leave one of them out, or make them agree",
        )
        return False
    if not 1.0 <= (song.duration or end) <= LONGEST:
        faults.add(
            ("bars",) if song.bars is not None else ("structure",),
            f"{count} bars take {end:.2f} s; a song lasts from 1 to {LONGEST:g} s",
        )
        return False
    return True
