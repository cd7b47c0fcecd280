"""A song's truth as a track record."""

from __future__ import annotations

from typing import Any

import numpy as np

from muze_corpus.genres import GENRES
from muze_corpus.harmony import MODES, NAMES
from muze_corpus.played import drum_hits, melody_chroma, notes
from muze_corpus.programs import KIT_NAMES, PROGRAM_NAMES
from muze_corpus.score import Song

Record = dict[str, Any]

VERSION = 2
"""Of what a record tells; 2 tells notes, drum hits and the melody's pitch classes too."""

_BRIGHTNESS = {"lydian": 0.5, "major": 0.45, "mixolydian": 0.3, "dorian": -0.1, "minor": -0.42,
               "harmonic minor": -0.52, "phrygian": -0.62}  # fmt: skip


def key_index(tonic: int, mode: str) -> int:
    """0-11 major from C, 12-23 minor; a mode goes with its third."""
    return tonic + (12 if 3 in MODES[mode] else 0)


def sentiment(song: Song) -> float:
    """Minus one to one, from mode, tempo and energy."""
    energy = float(np.mean([s.energy for s in song.sections]))
    value = _BRIGHTNESS[song.mode] + 0.25 * (main_tempo(song) - 105) / 75 + 0.4 * (energy - 0.55)
    return round(float(np.clip(value, -1, 1)), 3)


def main_tempo(song: Song) -> float:
    """The tempo that lasts longest."""
    held: dict[float, float] = {}
    for s in song.sections:
        held[s.bpm] = held.get(s.bpm, 0.0) + s.bars / s.bpm
    return max(held, key=lambda bpm: held[bpm])


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
        "tempo": main_tempo(song), "tempo_map": [{"beat": b, "bpm": v} for b, v in song.tempo_map],
        "key": key, "key_index": key_index(song.tonic, song.mode), "mode": song.mode,
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
