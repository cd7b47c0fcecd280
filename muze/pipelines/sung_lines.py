"""Lines of lyrics on their sections, and every note they are sung on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from muze.analysis.lyrics import MARK, Block, line_edges, misplaced, places, read_blocks
from muze.core.errors import MuzeError, NotInstalledError
from muze.core.notes import Note, pitch_name
from muze.core.theory import Chord, Key
from muze.manifest import Faults, Song
from muze.manifest.song import Voice
from muze.pipelines.decide import Planner
from muze.pipelines.layout import Layout
from muze.pipelines.melody_told import ToldMelody
from muze.voice.compose import Harmony, compose_line, voice_range
from muze.voice.laid import MisfitError, lay, share_out
from muze.voice.plan import HIGHEST, LOWEST, Delivery, LinePlan, NotePlan, SyllablePlan
from muze.voice.rhythm import Span, line_rhythm
from muze.voice.singer import Singer
from muze.voice.syllables import SungLine, read_line
from muze.voice.usual import usual_midi

RAP_STEPS, COMPOUND_RAP_STEPS = (0.25, 0.5), (1 / 6, 1 / 3)
"""Beats from syllable to syllable: on sixteenths."""


@dataclass(frozen=True)
class _Placed:
    """A line of lyrics, where in the lyrics it stands, and between which beats it is sung."""

    text: str
    row: int
    """Which line of the text, from 0."""
    section: int
    first: float
    last: float
    number: int
    """Which line of its block."""
    closes: bool


class LineWriter:
    """Writes the notes of all lines, and notes what does not fit."""

    def __init__(
        self,
        song: Song,
        planner: Planner,
        layout: Layout,
        singer: Singer,
        told: ToldMelody | None,
        faults: Faults,
    ) -> None:
        assert song.voice is not None
        self.voice, self.planner, self.layout = song.voice, planner, layout
        self.singer, self.told, self.faults = singer, told, faults
        self.grid = layout.grid(planner.metre)
        self.delivery = delivery_of(song.voice)
        self.low, self.high = 0, 0
        self._known_chords: dict[int, list[str]] = {}
        self._lines: dict[tuple[str, int], SungLine | None] = {}

    def seconds(self, beat: float) -> float:
        """Return the second of the song of a beat."""
        return float(self.grid.to_seconds(beat))

    def lines(self) -> list[LinePlan]:
        """Return all lines in the order they are sung."""
        text = self.voice.lyrics or ""
        try:
            read_blocks(text)
        except ValueError as fault:
            self.faults.add(("voice", "lyrics"), str(fault))
            return []
        if wrong := misplaced(text, self.grid):
            self.faults.add(("voice", "lyrics"), wrong)
            return []
        if self.delivery == "sung" and (self.told is None or not self.told.whole):
            try:
                usual = usual_midi(self.singer, self.planner.registry)
            except MuzeError as fault:
                self.faults.add(("voice", "voice"), str(fault))
                return []
            self.low, self.high = voice_range(usual)
        out: list[LinePlan] = []
        for block in self._blocks(text):
            read = [self._read(line) for line in block]
            lines = [pair for pair in zip(block, read, strict=True) if pair[1] is not None]
            out += self._write([(placed, line) for placed, line in lines if line is not None])
        return sorted(out, key=lambda line: line.syllables[0].notes[0].beat)

    def _blocks(self, text: str) -> list[list[_Placed]]:
        """Return the lines of each block, each time a section sings it."""
        rows, blocks = _rows(text), read_blocks(text)
        at: dict[Block, list[int]] = {}
        for block in blocks:
            at[block], rows = rows[: len(block.lines)], rows[len(block.lines) :]
        out = []
        for block, start, end in places(text, self.grid):
            if not block.lines:
                continue
            edges = line_edges(len(block.lines), start, end, self.grid)
            middle = (start + end) / 2
            section = next(
                (i for i, s in enumerate(self.layout.sections) if s.start <= start + 0.02 < s.end),
                next(i for i, s in enumerate(self.layout.sections) if middle <= s.end),
            )
            out.append([
                _Placed(line, at[block][index], section, float(edges[index]),
                        float(edges[index + 1]), index, index == len(block.lines) - 1)
                for index, line in enumerate(block.lines)
            ])  # fmt: skip
        return out

    def _read(self, placed: _Placed) -> SungLine | None:
        key = placed.text, placed.row
        if key not in self._lines:
            self._lines[key] = None
            try:
                line = read_line(placed.text, self.singer.language)
                if line.syllables:
                    self._lines[key] = line
                else:
                    self._fault(placed, "holds nothing that can be sung")
            except NotInstalledError as fault:
                self.faults.add(("voice", "language"), str(fault))
            except MuzeError as fault:
                self._fault(placed, str(fault))
        return self._lines[key]

    def _fault(self, placed: _Placed, told: str) -> None:
        self.faults.add(("voice", "lyrics", placed.row), f"{placed.text!r} {told}")

    def _write(self, block: Sequence[tuple[_Placed, SungLine]]) -> list[LinePlan]:
        if not block:
            return []
        first, last = block[0][0].first, block[-1][0].last
        notes: list[Note] = []
        if self.delivery == "sung" and self.told is not None:
            inside = [n for n in self.told.notes if first - 1e-6 <= n.start < last - 1e-6]
            notes = [self._shifted(note, last) for note in inside]
            if not notes and self._whole:
                self._fault(block[0][0], "has no notes: the melody has none in its section")
                return []
        told = [
            (placed, line)
            for placed, line in block
            if notes and (self._whole or any(placed.first <= n.start < placed.last for n in notes))
        ]
        shares = share_out(notes, [len(line.syllables) for _, line in told]) if told else []
        rest = [self._made(*pair) for pair in block if pair not in told]
        return [*self._laid(told, shares), *(line for line in rest if line is not None)]

    @property
    def _whole(self) -> bool:
        """Whether all lines are sung on what is told."""
        return self.told is not None and self.told.whole

    def _shifted(self, note: Note, last: float) -> Note:
        assert self.told is not None
        pitch = note.pitch + self.voice.transpose + self.told.octaves(self.low, self.high)
        return Note(pitch, note.start, min(note.length, last - note.start))

    def _laid(
        self, block: Sequence[tuple[_Placed, SungLine]], shares: Sequence[tuple[Note, ...]]
    ) -> list[LinePlan]:
        out = []
        for (placed, line), notes in zip(block, shares, strict=True):
            try:
                sung = lay(notes, line.syllables, self.seconds)
            except MisfitError as fault:
                self._fault(placed, str(fault))
                continue
            out += self._line(placed, line, sung)
        return out

    def _made(self, placed: _Placed, line: SungLine) -> LinePlan | None:
        """Return a line for which no melody is told: composed, or said in rhythm."""
        metre = self.planner.metre
        steps = None
        if self.delivery == "rap":
            steps = COMPOUND_RAP_STEPS if metre.compound else RAP_STEPS
        try:
            spans = line_rhythm(
                line.syllables, placed.first, placed.last, metre, self.seconds, steps
            )
        except MisfitError as fault:
            self._fault(placed, str(fault))
            return None
        if self.delivery != "sung":
            return self._said(placed, line, spans)
        part = self.layout.sections[placed.section]
        harmony = Harmony(Key.parse(self.planner.section_key(placed.section)), self._chord, metre)
        notes = compose_line(
            spans, harmony, self.low, self.high, f"{part.type} {placed.number}",
            self.planner.seed, placed.closes,
        )  # fmt: skip
        moved = [Note(n.pitch + self.voice.transpose, n.start, n.length) for n in notes]
        return next(iter(self._line(placed, line, [(note,) for note in moved])), None)

    def _said(self, placed: _Placed, line: SungLine, spans: Sequence[Span]) -> LinePlan:
        if self.delivery == "spoken":  # from its beat until the next line; how, the voice knows
            each = (placed.last - placed.first) / len(line.syllables)
            spans = [Span(placed.first + at * each, each) for at in range(len(line.syllables))]
        notes = [(NotePlan(pitch=None, beat=s.start, length=s.length),) for s in spans]
        return _line_plan(placed, line, notes)

    def _line(
        self, placed: _Placed, line: SungLine, sung: Sequence[tuple[Note, ...]]
    ) -> list[LinePlan]:
        every = [note for notes in sung for note in notes]
        outside = dict.fromkeys(
            pitch_name(n.pitch) for n in every if not LOWEST <= n.pitch <= HIGHEST
        )
        if outside:
            told = f"is on {', '.join(outside)}; voices sing from {pitch_name(LOWEST)} to "
            self._fault(placed, f"{told}{pitch_name(HIGHEST)}; say another voice.transpose")
            return []
        notes = [
            tuple(NotePlan(pitch=n.pitch, beat=n.start, length=n.length) for n in part)
            for part in sung
        ]
        return [_line_plan(placed, line, notes)]

    def _chord(self, beat: float) -> Chord | None:
        """Return the chord that sounds at a beat; None where none is known."""
        each = self.planner.metre.beats_per_bar
        bar = int((beat + 1e-6) // each)
        for index, part in enumerate(self.layout.sections):
            if part.first_bar <= bar < part.first_bar + part.bars:
                told = self._chords(index)
                if bar - part.first_bar >= len(told):
                    return None
                names = told[bar - part.first_bar].split()
                place = int((beat + 1e-6 - bar * each) / each * len(names))
                return Chord.parse(names[min(place, len(names) - 1)]) if names else None
        return None

    def _chords(self, index: int) -> list[str]:
        if self.faults.found:  # they cannot be told yet
            return []
        if index not in self._known_chords:
            self._known_chords[index] = self.planner.chords(index)
        return self._known_chords[index]


def _line_plan(placed: _Placed, line: SungLine, notes: Sequence[tuple[NotePlan, ...]]) -> LinePlan:
    return LinePlan(
        text=placed.text,
        section=placed.section,
        words=line.words,
        syllables=tuple(
            SyllablePlan(ipa=str(s), word=s.word, stress=s.stress, notes=own)
            for s, own in zip(line.syllables, notes, strict=True)
        ),
    )


def _rows(text: str) -> list[int]:
    """Return which line of the lyrics each line of words stands in, from 0."""
    rows, row = [], 0
    for index, piece in enumerate(MARK.split(text)):
        if index % 2 == 0:
            lines = piece.splitlines()
            rows += [row + at for at, line in enumerate(lines) if re.search(r"\w", line)]
            row += piece.count("\n")
    return rows


def delivery_of(voice: Voice) -> Delivery:
    """Return how the words are said: sung unless ``melody`` says otherwise."""
    return voice.melody if voice.melody in ("spoken", "rap") else "sung"
