"""Words laid on a song's lead: which line each few bars sing, and the notes of its syllables."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from muze.core.notes import Note as Tone
from muze.voice.laid import MisfitError, lay
from muze.voice.score import Phrase, SungNote, SungSyllable
from muze.voice.syllables import SungLine

from muze_corpus.score import Note, Rng, Section, Song
from muze_corpus.singing import notes_in, sung_sections
from muze_corpus.voices import Voice

LINE = 4.0
"""Seconds a line is sung in, about."""
BARS = (1, 2, 4)
COMFORTABLE, SHORTEST = 0.2, 0.14
"""Seconds from syllable to syllable that are sung with ease, and at least."""
PACE = 1.8
"""Syllables a second at which words are sung that are given time; lines are between that and one
to a note."""
BREATH = 0.55
"""Seconds from a line's end to the next line's first vowel."""
LAST = 0.3
"""Seconds that a line's last note keeps at least."""
FEWEST = 3
"""Notes that a line is sung on at least."""
AGAIN = {"verse", "bridge"}
"""Sections that have other words each time; the others repeat theirs."""
BEAT = 0.05
"""Beats by which a note may miss a beat that it is heard on."""


@dataclass(frozen=True)
class Laid:
    """A line of the song: its notes, in seconds, and the beats it lasts from and to."""

    section: int
    text: str
    phrase: Phrase
    start: float
    end: float


def lay_song(song: Song, voice: Voice, lines: Mapping[str, SungLine], rng: Rng) -> list[Laid]:
    """Return the lines of a song, in order, on the lead's notes brought into the voice's range."""
    slots = [
        (song.sections.index(section), section, number, notes)
        for section in sung_sections(song)
        for number, notes in enumerate(_slots(song, section))
    ]
    shift = _octaves([note.pitch for *_, notes in slots for note in notes], voice)
    words: dict[tuple[str, int, int], str] = {}
    times: dict[str, int] = {}
    used: dict[str, int] = {}
    out: list[Laid] = []
    before = -1
    for at, (index, section, number, notes) in enumerate(slots):
        if index != before:
            times[section.type] = times.get(section.type, -1) + 1
            before = index
        verse = times[section.type] if section.type in AGAIN else 0
        following = slots[at + 1][3] if at + 1 < len(slots) else []
        tune = _tune(_with_breath(song, notes, following), shift, voice)
        if len(tune) < FEWEST:
            continue
        wanted = _comfortable(song, tune)
        key = (section.type, verse, number)
        order = _best(lines, wanted, used, words.get(key), rng)
        for text in order:
            phrase = _phrase(song, lines[text], tune)
            if phrase is not None:
                words.setdefault(key, text)
                used[text] = used.get(text, 0) + 1
                end = notes[-1].start + notes[-1].length  # with notes left out to breathe
                begin = min(tune[0].start, notes[0].start)  # an early note rests as well
                out.append(Laid(index, text, phrase, begin, end))
                break
    return out


def _slots(song: Song, section: Section) -> list[list[Note]]:
    """Return the lead's notes of every few bars of a section."""
    beats, notes = song.metre.beats, notes_in(song, section)
    bar = beats * 60 / section.bpm
    bars = min(BARS, key=lambda count: abs(count * bar - LINE))
    edges = [float((section.start_bar + at) * beats) for at in range(0, section.bars + bars, bars)]
    places = [bisect_left(notes, edge - 0.1, key=lambda note: note.start) for edge in edges]
    return [notes[a:b] for a, b in zip(places, [*places[1:], len(notes)], strict=True) if a < b]


def _octaves(pitches: Sequence[int], voice: Voice) -> int:
    """Return the octaves, in semitones, that bring most of a tune nearest the range's middle."""
    middle = sorted(pitches)[len(pitches) // 2] if pitches else voice.centre
    return 12 * round((voice.centre - middle) / 12)


def _with_breath(song: Song, notes: Sequence[Note], following: Sequence[Note]) -> list[Note]:
    """Return notes that leave time to breathe before the next line's, the last ones cut or left."""
    out = list(notes)
    clock = song.timeline
    while out and following:
        room = clock.seconds(following[0].start) - BREATH - clock.seconds(out[-1].start)
        if room >= LAST:
            beats = room * clock.bpm_at(out[-1].start) / 60
            out[-1] = replace(out[-1], length=min(out[-1].length, beats))
            break
        out.pop()
    return out


def _tune(notes: Sequence[Note], shift: int, voice: Voice) -> list[Tone]:
    """Return notes in the voice's range; what is left out of it goes an octave."""
    if not notes:
        return []
    middle = sorted(note.pitch + shift for note in notes)[len(notes) // 2]
    shift += -12 if middle > voice.high else 12 if middle < voice.low else 0
    tones = []
    for note in notes:
        pitch = note.pitch + shift
        pitch += -12 if pitch > voice.high + 2 else 12 if pitch < voice.low - 2 else 0
        start = round(note.start) if abs(note.start - round(note.start)) < BEAT else note.start
        tones.append(Tone(float(pitch), start, note.start + note.length - start))
    gaps = [max(0.05, b.start - a.start) for a, b in pairwise(tones)]
    return [
        replace(tone, length=min(tone.length, gap))
        for tone, gap in zip(tones, [*gaps, tones[-1].length], strict=True)
    ]


def _comfortable(song: Song, tune: Sequence[Tone]) -> int:
    """Return how many syllables are sung with ease on notes, the longest of them split."""
    starts = [song.timeline.seconds(tone.start) for tone in tune]
    count, last = 0, -1.0
    for at in starts:
        if count == 0 or at - last >= COMFORTABLE:
            count, last = count + 1, at
    lasts = song.timeline.seconds(tune[-1].end) - starts[0]
    return max(count, round((count + PACE * lasts) / 2))


def _best(
    lines: Mapping[str, SungLine], wanted: int, used: Mapping[str, int], same: str | None, rng: Rng
) -> list[str]:
    """Return lines, the one that fits best first, or the one that was sung here before."""
    drawn = [float(whim) for whim in rng.random(len(lines))]
    whims = dict(zip(lines, drawn, strict=True))

    def cost(text: str) -> float:
        more = len(lines[text].syllables) - wanted
        return abs(more) * (1.5 if more > 0 else 1.0) + 2.0 * used.get(text, 0) + whims[text]

    order = sorted(lines, key=cost)
    return order if same is None else [same, *(text for text in order if text != same)]


def _phrase(song: Song, line: SungLine, tune: Sequence[Tone]) -> Phrase | None:
    """Return a line on notes, in seconds; None where they do not go together."""
    seconds = song.timeline.seconds
    try:
        shared = lay(tune, line.syllables, seconds)
    except MisfitError:
        return None
    sung = tuple(
        SungSyllable(tuple(SungNote(t.pitch, seconds(t.start), seconds(t.end)) for t in tones))
        for tones in shared
    )
    starts = [syllable.start for syllable in sung]
    close = min((b - a for a, b in pairwise(starts)), default=SHORTEST)
    return Phrase(line, sung) if close >= SHORTEST else None
