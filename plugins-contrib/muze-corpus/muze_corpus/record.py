"""A song's truth as a track record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from muze_corpus.genres import GENRES
from muze_corpus.harmony import MODES, NAMES
from muze_corpus.played import HOP, REST, drum_hits, laid_chroma, melody_chroma, notes
from muze_corpus.programs import KIT_NAMES, PROGRAM_NAMES
from muze_corpus.score import Song

Record = dict[str, Any]

VERSION = 3
"""Of what a record tells; 2 tells notes, drum hits and the melody's pitch classes, 3 singers."""

_BRIGHTNESS = {"lydian": 0.5, "major": 0.45, "mixolydian": 0.3, "dorian": -0.1, "minor": -0.42,
               "harmonic minor": -0.52, "phrygian": -0.62}  # fmt: skip


def key_index(tonic: int, mode: str) -> int:
    """0-11 major from C, 12-23 minor; a mode goes with its third."""
    return tonic + (12 if 3 in MODES[mode] else 0)


def sentiment(song: Song) -> float:
    """Minus one to one, from mode, tempo and energy."""
    energy = float(np.mean([s.energy for s in song.sections]))
    value = _BRIGHTNESS[song.mode] + 0.25 * (song.played_tempo - 105) / 75 + 0.4 * (energy - 0.55)
    return round(float(np.clip(value, -1, 1)), 3)


def record(song: Song) -> Record:
    """The record without audio_path, prompts and loudness, which rendering adds."""
    metre, clock, duration = song.metre, song.timeline, song.duration
    beats = song.bars * metre.beats
    times = [round(clock.seconds(b), 4) for b in range(beats)]
    step = 1.0 / metre.steps_per_beat
    end = clock.seconds(beats)
    chords = [
        {"chord": c.chord.name if c.chord else "N",
         "start": round(clock.seconds(c.start * step), 4),
         "end": round(clock.seconds(c.end * step), 4)} for c in song.chords
    ]  # fmt: skip
    chords.append({"chord": "N", "start": round(end, 4), "end": round(duration, 4)})
    if chords[-2]["chord"] == "N":
        chords[-2:] = [{**chords[-2], "end": round(duration, 4)}]
    segments = [
        {"type": s.type, "start": round(clock.seconds(s.start_bar * metre.beats), 4),
         "end": round(clock.seconds((s.start_bar + s.bars) * metre.beats), 4), "energy": s.energy}
        for s in song.sections
    ]  # fmt: skip
    segments[-1]["end"] = round(duration, 4)
    instruments = [
        {"role": role, "program": t.program,
         "name": KIT_NAMES[t.program] if role == "drums" else PROGRAM_NAMES[t.program]}
        for role, t in song.tracks.items()
    ]  # fmt: skip
    lead = song.tracks.get("lead")
    melody = [
        {"pitch": n.pitch, "start": round(clock.seconds(n.start), 4),
         "end": round(clock.seconds(n.start + n.length), 4)} for n in (lead.notes if lead else [])
    ]  # fmt: skip
    hits = drum_hits(song)
    key = f"{NAMES[song.tonic]} {song.mode}"
    genre = GENRES[song.genre]
    return {
        "title": f"{genre.moods[song.seed[1] % 2]} {song.genre} {song.seed[1]:05d}".title(),
        "seed": list(song.seed), "split": song.split, "duration": round(duration, 4),
        "tempo": song.played_tempo, "tempo_map": [{"beat": b, "bpm": v} for b, v in song.tempo_map],
        "key": key, "key_index": key_index(song.tonic, song.mode), "mode": song.mode,
        "key_lift": None if song.lift is None else
        {"start": round(clock.seconds(song.lift[0] * metre.beats), 4), "semitones": song.lift[1]},
        "harmony": song.harmony, "genre": [song.genre], "has_vocals": False, "lyrics": None,
        "sentiment_score": sentiment(song), "artist": None,
        "num_beats": beats, "beat_positions": times, "downbeat_positions": times[:: metre.beats],
        "beat_numbers": [b % metre.beats + 1 for b in range(beats)],
        "time_signature": metre.name,
        "chord_progression": [c["chord"] for c in chords if c["chord"] != "N"],
        "chords": chords, "segments": segments, "progressions": song.progressions,
        "f0_contour": None, "melody": melody, "instruments": instruments,
        "drum_kit": None if song.drum_kit is None else KIT_NAMES[song.drum_kit],
        "drum_pattern": song.drum_pattern,
        "notes": notes(song), "melody_chroma": melody_chroma(song),
        "drum_onsets": {drum: [at for at, _ in told] for drum, told in hits.items()},
        "drum_velocities": {drum: [hard for _, hard in told] for drum, told in hits.items()},
        "provenance": {"backend": "muze-corpus", "version": VERSION, "confidence": 1.0},
    }  # fmt: skip


def resting(song: Song, rests: Sequence[tuple[float, float]]) -> Song:
    """The song whose lead plays nothing between these beats, where a voice sings."""
    lead = song.tracks.get("lead")
    if lead is None or not rests:
        return song
    notes = [n for n in lead.notes if not any(a <= n.start < b for a, b in rests)]
    tracks = {role: track for role, track in song.tracks.items() if role != "lead"}
    if notes:
        tracks["lead"] = replace(lead, notes=notes)
    return replace(song, tracks=tracks)


def sung_record(truth: Record, vocal: Record) -> Record:
    """A record that tells what is sung too; its melody is the voice's, or the lead's elsewhere."""
    chroma = truth["melody_chroma"] or [REST] * math.ceil(truth["duration"] / HOP - 1e-6)
    return truth | vocal | {"melody_chroma": laid_chroma(chroma, vocal["vocal_notes"])}
