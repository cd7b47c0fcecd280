"""Lyrics: their marked blocks, and their syllables laid on the beats."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muze.analysis.melody import start_beat
from muze.analysis.phonemes import Phone, syllables
from muze.analysis.phonemizers import Phonemizer, read_words
from muze.core.errors import ManifestError, all_told
from muze.core.grid import SectionSpan, TimeGrid, section_type

log = logging.getLogger(__name__)

MARK = re.compile(r"\[([^\[\]\n]*)\]")
NUMBER = re.compile(r"[_\s]*\d+$")
STEPS = (1.0, 0.5, 0.25)
"""Beats from syllable to syllable; the longest that fits a line into its share of the beats."""
CONSONANT = 0.06
"""Seconds a consonant is sung at most; the vowel is held for the rest of its syllable."""


@dataclass(frozen=True)
class Sung:
    """A sound and when it is sung, in seconds of the song; ``opens`` a word or not."""

    phone: Phone
    start: float
    end: float
    opens: bool


@dataclass(frozen=True)
class Block:
    """Lines of lyrics, and the type of section that sings them; None where it is not marked."""

    section: str | None
    lines: tuple[str, ...]


def read_blocks(text: str) -> list[Block]:
    """Return the blocks of lyrics: ``[chorus] Drive until the morning``, a line a line of text.

    Raises:
        ValueError: marks are no types of sections, or no words are there.
    """
    found: list[Block] = []
    faults: list[str] = []
    pieces = MARK.split(text)
    for mark, words in zip([None, *pieces[1::2]], pieces[::2], strict=True):
        try:
            name = None if mark is None else _section_of(mark)
        except ValueError as fault:
            faults.append(str(fault))
            continue
        lines = tuple(line.strip() for line in words.splitlines() if re.search(r"\w", line))
        if lines or name is not None:
            found.append(Block(name, lines))
    if faults:
        raise ValueError(all_told(faults))
    if not any(block.lines for block in found):
        raise ValueError("holds no words")
    return found


def check_lyrics(text: str) -> str:
    """Return the text; ``ValueError`` where ``read_blocks`` cannot read it."""
    read_blocks(text)
    return text


def unsung(text: str, grid: TimeGrid) -> str:
    """Return what is wrong with lyrics that mark sections which none of the grid's is.

    Nothing where each is there, or the grid has no sections.
    """
    here = _sections_of(grid)
    types = dict.fromkeys(section.type for section in here)
    marked = dict.fromkeys(_section_of(mark) for mark in MARK.findall(text))
    lacking = " and a ".join(f"[{name}]" for name in marked if name not in types)
    if not here or not lacking:
        return ""
    whole = len(here) == len(grid.sections)
    has = "but the song has none; it has" if whole else "but are those of a section of type"
    return f"lyrics mark a {lacking}, {has} {', '.join(types)}"


def misplaced(text: str, grid: TimeGrid) -> str:
    """Return what is wrong with lyrics whose blocks cannot all be laid over a grid's sections.

    A marked section is not there, or not so often, or begins where unmarked words are to come.
    """
    here = _sections_of(grid)
    if not here:
        return ""
    blocks = read_blocks(text)
    found = [unsung(text, grid)]
    for name in dict.fromkeys(block.section for block in blocks if block.section is not None):
        marked = sum(block.section == name for block in blocks)
        if 0 < (there := sum(section.type == name for section in here)) < marked:
            found.append(f"lyrics mark {marked} times [{name}], but the song has {there}")
    opening = _opening(blocks, here)
    loose = any(block.lines for block in blocks if block.section is None)
    if loose and opening and opening[0].start < _first(grid) + 1 / grid.frame_rate:
        found.append(
            "lyrics before the first mark have no room: "
            f"a marked section, [{opening[0].type}], begins the song"
        )
    return "; ".join(filter(None, found))


def sing(text: str, language: str, grid: TimeGrid, phonemizer: Phonemizer = "auto") -> list[Sung]:
    """Return the sounds of lyrics laid over the grid, in order.

    A marked block is sung by the sections of its type: the k-th of them sings the k-th block, and
    the last block again where there are fewer. What is not marked shares the whole grid. The lines
    of a block share its bars evenly and start on bar lines where there are bars enough, else on
    beats; a line's syllables come on beats, half or quarter beats, and where that is too few,
    evenly.

    Raises:
        ManifestError: what ``misplaced`` tells.
    """
    out: list[Sung] = []
    for block, start, stop in places(text, grid):
        words = [[w.phones for w in read_words(line, language, phonemizer)] for line in block.lines]
        out += _lay([syllables(line) for line in words if line], start, stop, grid)
    return sorted(out, key=lambda sung: sung.start)


def places(text: str, grid: TimeGrid) -> list[tuple[Block, float, float]]:
    """Return the blocks of lyrics, and from when to when each is sung, in seconds of the song.

    A block that several sections sing comes several times; all of them where the grid has no
    sections are one.

    Raises:
        ManifestError: what ``misplaced`` tells.
    """
    if wrong := misplaced(text, grid):
        raise ManifestError(wrong)
    blocks, here = read_blocks(text), _sections_of(grid)
    if not here:
        here = [SectionSpan("unknown", grid.start, grid.start + grid.duration)]
        blocks = [Block(None, tuple(line for block in blocks for line in block.lines))]
    return list(_places(blocks, here, grid))


def line_edges(num_lines: int, start: float, end: float, grid: TimeGrid) -> NDArray[np.float64]:
    """Return the beats on which the lines of a block begin, and the one on which it ends.

    They share the time from ``start`` to ``end``, seconds, evenly and begin on bar lines where
    there are bars enough, else on beats.
    """
    bar = grid.metre.beats_per_bar
    low, high = (float(beat) for beat in grid.to_beats([start, end]))
    # a frame of slack, as the grid begins and ends on frames and not on beats
    slack = (high - low) / max(1.0, (end - start) * grid.frame_rate)
    unit = bar if high - low >= num_lines * bar - slack else 1
    edges = low + (high - low) * np.arange(num_lines + 1) / num_lines
    # on bar lines or beats, but for a part too short to hold as many
    whole = np.maximum(np.ceil((edges[:-1] - slack) / unit) * unit, low)
    if num_lines == 1 or np.diff(whole).min() > 0:
        edges[:-1] = np.where(whole < high - 1e-6, whole, edges[:-1])
    return np.asarray(edges)


def spread(phones: Sequence[Phone], start: float, end: float, opens: bool = True) -> list[Sung]:
    """Return the sounds of one word or syllable between two times, vowels held longest."""
    return _held([(phone, opens and index == 0) for index, phone in enumerate(phones)], start, end)


def _section_of(mark: str) -> str:
    plain = NUMBER.sub("", mark.strip().lower()).replace("-", "_").replace(" ", "_")
    return section_type(plain or mark)


def _sections_of(grid: TimeGrid) -> list[SectionSpan]:
    """Return the sections that have frames of a grid."""
    spans = [grid.frames_between(s.start, s.end) for s in grid.sections]
    return [s for s, (a, b) in zip(grid.sections, spans, strict=True) if a < b]


def _first(grid: TimeGrid) -> float:
    """Return the second of the song at which words may begin."""
    return float(grid.to_seconds(start_beat(grid)))


def _opening(blocks: Sequence[Block], sections: Sequence[SectionSpan]) -> list[SectionSpan]:
    """Return the sections that sing marked blocks."""
    marked = {block.section for block in blocks}
    return [section for section in sections if section.type in marked]


def _places(
    blocks: Sequence[Block], sections: Sequence[SectionSpan], grid: TimeGrid
) -> Iterator[tuple[Block, float, float]]:
    """Yield each block, and from when to when it is sung."""
    first, last = _first(grid), grid.start + grid.duration
    loose = tuple(line for block in blocks if block.section is None for line in block.lines)
    if loose:
        # they end where the first marked section begins
        yield Block(None, loose), first, min([last, *(s.start for s in _opening(blocks, sections))])
    for name in dict.fromkeys(b.section for b in blocks if b.section is not None):
        singing = [s for s in sections if s.type == name]
        own = [b for b in blocks if b.section == name]
        for index, section in enumerate(singing):
            block = own[min(index, len(own) - 1)]
            yield block, max(first, section.start), min(last, section.end)


def _lay(
    lines: Sequence[list[list[tuple[Phone, bool]]]], start: float, end: float, grid: TimeGrid
) -> list[Sung]:
    """Return the syllables of lines that share the time from ``start`` to ``end``."""
    if not lines:
        return []
    edges = line_edges(len(lines), start, end, grid)
    out: list[Sung] = []
    for line, first, last in zip(lines, edges, edges[1:], strict=False):
        step = next((s for s in STEPS if len(line) * s <= last - first + 1e-6), None)
        if step is None:
            step = (last - first) / len(line)
            told = "%d syllables in %.1f beats are sung faster than sixteenths"
            log.warning(told, len(line), last - first)
        at = grid.to_seconds(first + step * np.arange(len(line) + 1))
        for index, syllable in enumerate(line):
            out += _held(syllable, float(at[index]), float(at[index + 1]))
    return out


def _held(phones: Sequence[tuple[Phone, bool]], start: float, end: float) -> list[Sung]:
    """Return sounds between two times: short consonants, and the rest for the vowels."""
    sung = [phone.sung for phone, _ in phones]
    each = (end - start) / max(1, len(phones))
    short = min(CONSONANT, each) if any(sung) else each
    held = (end - start - short * sung.count(False)) / max(1, sum(sung))
    edges = start + np.cumsum([0.0, *(held if vowel else short for vowel in sung)])
    edges[-1] = end
    return [
        Sung(phone, float(a), float(b), opens)
        for (phone, opens), a, b in zip(phones, edges, edges[1:], strict=False)
    ]
