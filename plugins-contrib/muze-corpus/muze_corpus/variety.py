"""What a composed song may have besides: a tempo that breathes, and a last chorus that lifts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from muze_corpus.harmony import Chord
from muze_corpus.score import ChordSpan, Rng, Song, Track, chance, pick

MACHINES = frozenset({
    "house", "techno", "synthwave", "trap", "drum and bass", "trance", "dubstep", "chiptune",
    "disco", "lo-fi hip hop", "hip hop",
})  # fmt: skip
"""Genres that play to a click."""
LIFTED = ("chorus", "drop", "instrumental", "verse")
WANDER, STRAY = 0.006, 0.025
"""Of the tempo: how far a player strays from one bar to the next, and at most."""


def varied(song: Song, rng: Rng) -> Song:
    """The song, some with tempi that wander or breathe, some lifted by a semitone or more."""
    return lifted(replace(song, drift=draw_drift(song, rng)), rng)


def draw_drift(song: Song, rng: Rng) -> tuple[tuple[float, float], ...]:
    """(beat, factor of the section's tempo) where it changes; none for a song in strict time.

    Players without drums breathe with the phrase (rubato), with drums they wander a little, and
    some songs slow down over their last two bars.
    """
    if song.genre in MACHINES or len({s.bpm for s in song.sections}) > 1:
        return ()
    beats, drummed = song.metre.beats, "drums" in song.tracks
    out: list[tuple[float, float]] = []
    if not drummed and chance(rng, 0.45):
        depth, phrase = float(rng.uniform(0.02, 0.07)), 4 * beats
        for beat in range(song.bars * beats):
            arch = math.sin(2 * math.pi * ((beat % phrase) + 0.5) / phrase - math.pi / 4)
            out.append((float(beat), 1 + depth * arch))
    elif chance(rng, 0.35):
        factor = 1.0
        for bar in range(song.bars):
            factor += float(rng.normal(0, WANDER)) - 0.2 * (factor - 1)
            out.append((float(bar * beats), min(1 + STRAY, max(1 - STRAY, factor))))
    if chance(rng, 0.45 if not drummed else 0.15) and song.bars > 8:
        slowest, first = float(rng.uniform(0.72, 0.9)), (song.bars - 2) * beats
        at = dict(out)
        for beat in range(first, song.bars * beats):
            share = (beat - first + 1) / (2 * beats)
            at[float(beat)] = at.get(float(beat), 1.0) * (1 + (slowest - 1) * share)
        out = sorted(at.items())
    return tuple((beat, round(factor, 4)) for beat, factor in out)


def lifted(song: Song, rng: Rng) -> Song:
    """The song, or one of eight with everything from a last chorus on some semitones higher."""
    again = [
        n for n, s in enumerate(song.sections)
        if s.type in LIFTED and any(o.type == s.type for o in song.sections[:n])
    ]  # fmt: skip
    if not again or song.harmony == "free" or not chance(rng, 0.12):
        return song
    bar, by = song.sections[again[-1]].start_bar, int(pick(rng, (1, 1, 2, 2, 3)))
    beat = bar * song.metre.beats
    tracks = {role: _higher(track, beat, by) for role, track in song.tracks.items()}
    chords = list(_lifted_chords(song.chords, bar * song.metre.steps, by))
    return replace(song, tracks=tracks, chords=chords, lift=(bar, by))


def _higher(track: Track, beat: float, by: int) -> Track:
    if track.role == "drums":
        return track
    # a note played a little before the bar belongs to it
    notes = [replace(n, pitch=n.pitch + by) if n.start > beat - 0.12 else n for n in track.notes]
    return replace(track, notes=notes)


def _lifted_chords(chords: Iterable[ChordSpan], step: int, by: int) -> Iterable[ChordSpan]:
    for span in chords:
        if span.start < step:
            yield replace(span, end=min(span.end, step))
        if span.end > step:
            chord = span.chord
            if chord is not None:
                chord = Chord((chord.root + by) % 12, chord.quality, (chord.bass + by) % 12)
            yield ChordSpan(chord, max(span.start, step), span.end)
