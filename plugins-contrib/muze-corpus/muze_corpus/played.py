"""What a song's players do, in seconds: notes, drum hits, and the pitch class of the melody."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from muze_corpus.score import Song

DRUM_PITCHES = {
    "kick": (35, 36), "snare": (37, 38, 39, 40), "hat": (42, 44, 46),
    "tom": (41, 43, 45, 47, 48, 50), "cymbal": (49, 51, 52, 53, 55, 57, 59),
}  # fmt: skip
"""General MIDI's drums; hand percussion is none of them."""
ONE_HIT = 0.02  # seconds: a clap on a snare is one hit
HOP = 0.128  # seconds of a value of melody_chroma, as muze's stream melody reads them
REST = -1


def notes(song: Song, role: str | None = None) -> list[dict[str, Any]]:
    """The notes of every pitched role, or of one, in order: seconds, program, velocity 0 to 1."""
    clock, per_beat = song.timeline, song.metre.ticks_per_beat
    found = [
        {"pitch": n.pitch, "start": round(clock.seconds(start / per_beat), 3),
         "end": round(clock.seconds(stop / per_beat), 3), "program": track.program,
         "velocity": round(n.velocity / 127, 3)}
        for name, track in song.tracks.items()
        if name != "drums" and role in (None, name)
        for start, stop, n in track.played(song.metre)
    ]  # fmt: skip
    return sorted(found, key=lambda note: (note["start"], note["pitch"]))


def drum_hits(song: Song) -> dict[str, list[tuple[float, float]]]:
    """Seconds and velocity 0 to 1 of each drum's hits, in order; no hits where none play."""
    clock, per_beat = song.timeline, song.metre.ticks_per_beat
    found: dict[str, list[tuple[float, float]]] = {drum: [] for drum in DRUM_PITCHES}
    drums = song.tracks.get("drums")
    struck = drums.played(song.metre) if drums else []
    last = dict.fromkeys(DRUM_PITCHES, -1.0)
    for start, _, n in sorted(struck, key=lambda note: note[0]):
        at = clock.seconds(start / per_beat)
        for drum, pitches in DRUM_PITCHES.items():
            if n.pitch in pitches and at - last[drum] > ONE_HIT:
                last[drum] = at
                found[drum].append((round(at, 3), round(n.velocity / 127, 3)))
    return found


def melody_chroma(song: Song) -> list[int] | None:
    """The lead's pitch class, 0 to 11 from C, in the middle of every 128 ms; -1 in its rests.

    None where the song has no lead.
    """
    if "lead" not in song.tracks:
        return None
    hops = math.ceil(song.duration / HOP - 1e-6)
    return laid_chroma([REST] * hops, notes(song, "lead"))


def laid_chroma(classes: list[int], melody: Sequence[Mapping[str, Any]]) -> list[int]:
    """Pitch classes every 128 ms with those of some notes laid over them."""
    out = list(classes)
    for note in melody:
        first, last = (math.ceil(note[edge] / HOP - 0.5 - 1e-9) for edge in ("start", "end"))
        for hop in range(first, min(last, len(out))):
            out[hop] = note["pitch"] % 12
    return out
