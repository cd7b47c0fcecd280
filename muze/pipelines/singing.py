"""Plans the singer: whose voice, on which notes, and what of the words does not fit them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from muze.analysis.lyrics import MARK, Block, line_edges, misplaced, places, read_blocks
from muze.core.errors import MuzeError, NotInstalledError, PluginError
from muze.core.grid import Metre
from muze.core.notes import Note, pitch_name
from muze.core.protocols import about
from muze.core.registry import Registry
from muze.core.theory import Chord, Key
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.song import Effects, Voice, sings
from muze.pipelines.cleaning import cleaning_separator
from muze.pipelines.decide import Planner
from muze.pipelines.layout import Layout
from muze.pipelines.melody_told import ToldMelody, melody_told
from muze.voice.compose import Harmony, compose_line, voice_range
from muze.voice.laid import MisfitError, lay, share_out
from muze.voice.plan import (
    HIGHEST,
    LOWEST,
    Delivery,
    EffectsPlan,
    LinePlan,
    NotePlan,
    SyllablePlan,
    VibratoPlan,
    VoicePlan,
)
from muze.voice.rhythm import Span, line_rhythm
from muze.voice.singer import Singer, look_for_singer
from muze.voice.syllables import SungLine, read_line
from muze.voice.usual import usual_midi
from muze.voice.world import check_installed

RAP_STEPS, COMPOUND_RAP_STEPS = (0.25, 0.5), (1 / 6, 1 / 3)
"""Beats from syllable to syllable: on sixteenths."""
USUAL_VIBRATO = VibratoPlan(rate=5.5, depth=25.0)
NEEDS_SINGER = ("melody", "transpose", "level", "effects")
"""Keys of a voice that only a singer takes."""


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


def plan_voice(
    song: Song, planner: Planner, layout: Layout | None, registry: Registry, faults: Faults
) -> VoicePlan | None:
    """Return who sings and every note of it; None where nobody does, and with faults noted."""
    voice = song.voice
    if voice is None:
        return None
    if not sings(voice):
        for key in NEEDS_SINGER:
            if key in voice.model_fields_set:
                wanted = "is the singer's; name one as voice.backend, or leave it out"
                faults.add(("voice", key), wanted)
        return None
    singer = look_for_singer(voice, song.source.folder, registry, faults.add)
    vibrato, breaths = _vibrato(voice, registry, faults), _breaths(voice, layout, registry, faults)
    effects = _effects(voice, faults)
    separator = cleaning_separator(voice, singer, registry, faults)
    try:
        check_installed()
    except NotInstalledError as fault:
        faults.add(("voice", "backend"), str(fault))
    if voice.lyrics is None:
        faults.add(("voice", "lyrics"), "is required: the singer has no words")
        return None
    told: ToldMelody | None = None
    if layout is not None:
        told = melody_told(song, planner, layout, faults)
    if singer is None or layout is None or faults.under(("voice", "lyrics")):
        return None
    lines = _Writer(song, planner, layout, singer, told, faults).lines()
    if not lines or effects is False or faults.under(("voice",)):
        return None
    return VoicePlan(
        backend=singer.backend.name,
        voice=singer.voice,
        language=singer.language,
        about=about(singer.backend),
        delivery=_delivery(voice),
        melody="composed" if told is None else told.about,
        vibrato=vibrato or USUAL_VIBRATO,
        breaths=breaths,
        level=voice.level,
        effects=effects or None,
        lines=tuple(lines),
        consent=None if singer.consent is None else singer.consent.id,
        separator=separator,
    )


class _Writer:
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
        self.delivery = _delivery(song.voice)
        self.low, self.high = 0, 0
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
            self.low, self.high = voice_range(usual_midi(self.singer, self.planner.registry))
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
        known: dict[int, list[str]] = self.__dict__.setdefault("_known_chords", {})
        if index not in known:
            known[index] = self.planner.chords(index)
        return known[index]


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


def _delivery(voice: Voice) -> Delivery:
    return voice.melody if voice.melody in ("spoken", "rap") else "sung"


def _vibrato(voice: Voice, registry: Registry, faults: Faults) -> VibratoPlan | None:
    told = _values("vibrato", voice.vibrato, registry, faults)
    if told is None:
        return None
    said = told.model_dump(exclude_unset=True)
    return VibratoPlan(rate=told.rate, depth=told.depth, extent=said.get("extent"))


def _breaths(voice: Voice, layout: Layout | None, registry: Registry, faults: Faults) -> Any:
    told = _values("breath", voice.breath, registry, faults)
    if told is None:
        return "auto"
    if told.bars_per_phrase is not None:
        faults.add(("voice", "breath"), "bars_per_phrase is not the singer's: phrases are lines")
    if told.positions == "auto" or layout is None:
        return "auto"
    for second in told.positions:
        if wrong := layout.grid(Metre()).misfit(second):
            faults.add(("voice", "breath"), f"a breath at {second:g} s {wrong}")
    return tuple(told.positions)


def _values(name: str, said: Any, registry: Registry, faults: Faults) -> Any:  # Any: its Values
    """Return what is said of the singer, as the stream of that name reads it; None with faults."""
    keys: Keys = ("voice", name)
    if said is None or faults.under(keys):
        return None
    if isinstance(said, dict) and "from" in said:
        faults.add(keys, f"the singer takes values, not a recording; say them, as {_SHOWN[name]}")
        return None
    try:
        stream = registry.get("stream", name)
    except PluginError as fault:
        faults.add(keys, str(fault))
        return None
    bare = "" if isinstance(said, dict) else stream.primary
    data = {bare: said} if bare else said
    try:
        return stream.Values.model_validate(data)
    except ValidationError as fault:
        faults.add_invalid(fault, stream.Values, data, keys, bare)
        return None


_SHOWN = {"vibrato": "{rate: 5.5, depth: 30}", "breath": "auto or [3.5, 7.2]"}


def _effects(voice: Voice, faults: Faults) -> Any:  # EffectsPlan, None for none, False with faults
    if not isinstance(voice.effects, Effects):
        return None
    from importlib.util import find_spec

    if find_spec("pedalboard") is None:
        told = 'needs pedalboard: pip install "muze[effects]"; or say effects: none'
        faults.add(("voice", "effects"), told)
        return False
    return EffectsPlan(**voice.effects.model_dump())
