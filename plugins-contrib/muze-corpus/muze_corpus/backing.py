"""What sings behind the voice: a third or a sixth above in some choruses, last words said again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from muze.voice.phrase import SungPhrase, sing_frames
from muze.voice.score import Phrase, SungNote, SungSyllable
from muze.voice.syllables import SungLine

from muze_corpus.harmony import MODES
from muze_corpus.score import Rng, Song, chance
from muze_corpus.stock import Kept
from muze_corpus.sung_truth import Line

HARMONISED, ECHOED = 0.4, 0.3
"""Shares of songs whose choruses are sung in two parts, and of those in which a last word comes
again."""
IN_PARTS = ("chorus", "post_chorus", "bridge")
DEGREES = (2, 5)
"""Steps of the scale from the voice to the one above it: a third, a sixth."""
SOFTER = 0.6
"""Level of a word that comes again."""
AFTER, ROOM, LONGEST = 0.25, 0.9, 1.2
"""Seconds between a line and its last word again, that it needs, and that it takes at most."""


def draw_backing(
    song: Song, lines: Sequence[Line], stock: Mapping[str, Kept], highest: int, rng: Rng
) -> tuple[list[SungPhrase], list[Line]]:
    """Return what sings in harmony, and the words that come again; mostly none of either."""
    parts, echoes = chance(rng, HARMONISED), chance(rng, ECHOED)
    degrees = int(rng.choice(DEGREES))
    seeds = rng.integers(2**31, size=2 * len(lines))
    harmony: list[SungPhrase] = []
    again: list[Line] = []
    for at, line in enumerate(lines):
        kept = stock[line.laid.text]
        if song.sections[line.laid.section].type not in IN_PARTS:
            continue
        if parts:
            phrase = above(song, line.laid.phrase, degrees, highest)
            seed = int(seeds[at])
            harmony.append(sing_frames(phrase, kept.frames, kept.phones, line.vibrato, seed))
        ends = lines[at + 1].span[0] if at + 1 < len(lines) else song.duration
        if echoes and (echo := last_word(line.laid.phrase, line.span[1] + AFTER, ends - AFTER)):
            phones = kept.phones[-len(echo.line.phones) :]
            seed = int(seeds[len(lines) + at])
            sung = sing_frames(echo, kept.frames, phones, line.vibrato, seed)
            quiet = replace(sung, samples=np.float32(SOFTER) * sung.samples)
            words = " ".join(echo.line.words)
            again.append(Line(replace(line.laid, phrase=echo, text=words), quiet, line.vibrato))
    return harmony, again


def above(song: Song, phrase: Phrase, degrees: int, highest: int) -> Phrase:
    """Return a phrase some steps of the scale higher; an octave lower where that is too high."""
    scale = sorted((song.tonic + step) % 12 for step in MODES[song.mode])
    rises, notes = song.lift, phrase.notes
    lifted = rises is not None and phrase.start >= song.timeline.seconds(
        rises[0] * song.metre.beats
    )
    shift = rises[1] if rises is not None and lifted else 0
    pitches = [_stepped(round(note.pitch) - shift, scale, degrees) + shift for note in notes]
    if max(pitches) > highest + 4:
        pitches = [pitch - 12 for pitch in pitches]
    new = iter(pitches)
    return Phrase(
        phrase.line,
        tuple(
            SungSyllable(tuple(replace(note, pitch=float(next(new))) for note in syllable.notes))
            for syllable in phrase.sung
        ),
    )


def last_word(phrase: Phrase, start: float, end: float) -> Phrase | None:
    """Return a phrase's last word on its last pitch, sung after it; None where there's no room."""
    syllables = phrase.line.syllables
    own = [s for s in syllables if s.word == syllables[-1].word]
    lasts = min(LONGEST, end - start - AFTER)
    if lasts < ROOM or lasts / len(own) < AFTER:
        return None
    words = SungLine(
        phrase.line.words[-1],
        phrase.line.words[-1:],
        tuple(replace(syllable, word=0) for syllable in own),
    )
    pitch, each = phrase.notes[-1].pitch, lasts / len(own)
    begin = start + AFTER / 2  # what is before its first vowel
    notes = [SungNote(pitch, begin + at * each, begin + (at + 1) * each) for at in range(len(own))]
    return Phrase(words, tuple(SungSyllable((note,)) for note in notes))


def _stepped(pitch: int, scale: Sequence[int], degrees: int) -> int:
    """Return the pitch some steps of the scale above another, which may lie between two."""
    steps = [p for p in range(pitch, pitch + 24) if p % 12 in scale]
    return steps[degrees] if steps[0] == pitch else steps[degrees - 1]
