"""Notes read from files: MIDI and MusicXML, in beats of a song's metre."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muze.analysis.melody import overlong
from muze.core.errors import ManifestError, NotInstalledError
from muze.core.grid import Metre, TimeGrid
from muze.core.instruments import PROGRAMS, is_pitched
from muze.core.notes import Note, one_voice

MIDI_SUFFIXES = (".mid", ".midi")
MUSICXML_SUFFIXES = (".musicxml", ".mxl", ".xml")
SUFFIXES = MIDI_SUFFIXES + MUSICXML_SUFFIXES
DRUM_CHANNEL = 9
Timed = tuple[int, Any]
"""The tick of a MIDI message, and the message."""
SINGERS = ("melody", "lead", "vocal", "voice", "solo", "sing")
"""Words in the name of a part that say it is the melody."""


@dataclass(frozen=True)
class ScorePart:
    """The pitched notes of one instrument."""

    name: str
    program: int | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Score:
    """The pitched parts of a file, and how many beats it lasts, rests at its end included."""

    parts: tuple[ScorePart, ...]
    beats: float


def quarters_per_beat(metre: Metre) -> float:
    """Return how many quarter notes a beat lasts: 1.5 in 6/8, 1 in 3/4, 2 in 2/2."""
    return 4 / metre.denominator * (3 if metre.compound else 1)


def read_score(path: Path, metre: Metre) -> Score:
    """Return the notes of a MIDI or MusicXML file; its own tempo counts for nothing.

    Drums and noises are left out, and so is what a pedal holds.

    Raises:
        ManifestError: the file cannot be read, or holds no pitched notes.
        NotInstalledError: music21 is needed and not installed.
    """
    per_beat = quarters_per_beat(metre)
    read = _read_midi if path.suffix.lower() in MIDI_SUFFIXES else _read_musicxml
    score = read(path, per_beat)
    if not score.parts:
        raise ManifestError(f"{path}: holds no pitched notes")
    return score


def overlong_score(notes: Sequence[Note], grid: TimeGrid) -> str:
    """Return why a file's notes have no room on a grid; nothing where they have.

    Rests at its end may be longer: programs write any.
    """
    told = overlong(max((note.end for note in notes), default=0.0), grid)
    return told and f"{told}; cut the file, or make room"


def melody_of(score: Score, path: Path) -> tuple[Note, ...]:
    """Return the one melody of a file: its only part, or the only one called so.

    Raises:
        ManifestError: several parts may be meant, or two notes of it sound together.
    """
    parts = score.parts
    if len(parts) > 1:
        called = [p for p in parts if any(word in p.name.lower() for word in SINGERS)]
        if len(called) != 1:
            names = ", ".join(part.name for part in parts)
            raise ManifestError(
                f"{path}: has {len(parts)} parts ({names}); leave one, or call one of them melody"
            )
        parts = (called[0],)
    try:
        return one_voice(parts[0].notes)
    except ValueError as fault:
        raise ManifestError(f"{path}: {fault}") from None


def _read_midi(path: Path, per_beat: float) -> Score:
    import mido

    try:
        file = mido.MidiFile(path)
        tracks = [_timed(track) for track in file.tracks if track]
    except (OSError, EOFError, ValueError, IndexError, KeyError, mido.KeySignatureError) as fault:
        told = str(fault) or "it ends early"
        raise ManifestError(f"{path}: is no MIDI file that can be read ({told})") from None
    if file.type == 2 or file.ticks_per_beat <= 0:
        raise ManifestError(f"{path}: must be a MIDI file of type 0 or 1 that counts in beats")
    scale = 1 / (file.ticks_per_beat * per_beat)
    parts: list[ScorePart] = []
    changes = [
        (tick, number, message)
        for number, track in enumerate(tracks)
        for tick, message in track
        if message.type == "program_change"
    ]
    for number, track in enumerate(tracks):
        # a program holds for its channel in every track
        others = [
            (tick, message)
            for tick, at, message in changes
            if at != number and tick <= track[-1][0]
        ]
        found = _track_notes(sorted(others + track, key=lambda event: event[0]), scale)
        name = next((m.name for _, m in track if m.type == "track_name"), "").strip()
        for program, notes in found.items():
            ordered = tuple(sorted(notes, key=lambda note: (note.start, note.pitch)))
            many = len(found) > 1 or not name
            parts.append(ScorePart(PROGRAMS[program] if many else name, program, ordered))
    last = max((track[-1][0] for track in tracks), default=0)
    return Score(tuple(parts), last * scale)


def _timed(track: Sequence[Any]) -> list[Timed]:
    ticks = itertools.accumulate(message.time for message in track)
    return list(zip(ticks, track, strict=True))


def _track_notes(track: list[Timed], scale: float) -> dict[int, list[Note]]:
    """Pitched notes of a track by program."""
    notes: dict[int, list[Note]] = defaultdict(list)
    programs: dict[int, int] = defaultdict(int)
    held: dict[tuple[int, int], deque[tuple[int, int, int]]] = defaultdict(deque)
    tick = 0

    def let_go(key: tuple[int, int]) -> None:
        start, velocity, program = held[key].popleft()
        if tick > start and is_pitched(program):
            length = (tick - start) * scale
            notes[program].append(Note(key[1], start * scale, length, velocity / 127, program))

    for tick, message in track:
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off") and message.channel != DRUM_CHANNEL:
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity > 0:
                held[key].append((tick, message.velocity, programs[message.channel]))
            elif held[key]:
                let_go(key)
    for key, open_notes in held.items():
        for _ in range(len(open_notes)):
            let_go(key)
    return notes


def _read_musicxml(path: Path, per_beat: float) -> Score:
    try:
        from music21 import converter, exceptions21
    except ModuleNotFoundError:
        raise NotInstalledError(
            f"{path}: reading MusicXML needs music21, which is not installed; "
            'pip install "muze[scores]", or save it as MIDI'
        ) from None
    from xml.etree.ElementTree import ParseError
    from zipfile import BadZipFile

    reader = converter.Converter()
    try:
        reader.parseFileNoPickle(path, format="musicxml")
        score = reader.stream.toSoundingPitch()
        voices = list(score.parts or [score])
        if any(voice.recurse().getElementsByClass("RepeatMark") for voice in voices):
            voices = [voice.expandRepeats() for voice in voices]
        voices = [voice.stripTies() for voice in voices]  # last: a tie may cross a bar line
    except (exceptions21.Music21Exception, ParseError, BadZipFile, OSError, ValueError) as fault:
        raise ManifestError(f"{path}: is no MusicXML that can be read ({fault})") from None
    parts, last = [], 0.0
    for number, voice in enumerate(voices, 1):
        instrument = voice.getInstrument()
        program = None if instrument is None else instrument.midiProgram
        flat = voice.flatten()
        last = max(last, float(flat.highestTime) / per_beat)
        notes = [
            Note(pitch.ps, float(sound.offset) / per_beat, float(held) / per_beat, program=program)
            for sound in flat.notes
            for pitch in sound.pitches
            if (held := sound.duration.quarterLength) > 0  # no grace note
        ]
        if notes and is_pitched(program):
            name = voice.partName or (f"part {number}" if program is None else PROGRAMS[program])
            parts.append(ScorePart(name, program, tuple(notes)))
    return Score(tuple(parts), last)
