"""MIDI stream: which notes which part plays, as a piano roll; drums are a stream of their own.

The roll has the 88 keys of a piano for each of five parts (chords, bass, lead, pads, and whatever
does not say what plays it), because an arrangement seldom has two instruments of a part at once,
while a roll for each of General MIDI's sixteen families would be empty rows for the most part.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

from muze import hookimpl
from muze.analysis.melody import overlong, spoken_until, start_beat
from muze.analysis.piano_roll import (
    HIGHEST,
    LOWEST,
    PlayedNote,
    draw_roll,
    note_fields,
    onset_scores,
    read_roll,
)
from muze.analysis.scores import SUFFIXES, overlong_score, read_score
from muze.analysis.transcription import hear_notes, transcriber_name
from muze.core.errors import DatasetError, ManifestError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.instruments import is_pitched, program_of
from muze.core.notes import VELOCITY, Note, check_range, parse_notes
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.midi.encoder import MidiEncoder

ANY = "any"
"""What stands for the instrument of notes that do not say theirs."""


def _check_part(text: str) -> str:
    check_range(parse_notes(text).notes, LOWEST, HIGHEST)
    return text


def _check_name(name: str) -> str:
    if name != ANY:
        program_of(name)
    return name


class MidiStream:
    """The notes of every part, as a piano roll."""

    name: ClassVar[str] = "midi"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "notes"
    layout: ClassVar[Mapping[str, Layout]] = {"roll": "frames", "struck": "frames"}
    extractor: ClassVar[str] = transcriber_name()
    reads: ClassVar[tuple[str, ...]] = SUFFIXES
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(96, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [
                {"notes": {"piano": "C4+E4+G4:2 F4+A4+C5:2", "bass": "C2:1 C2:1 R:1 F2:1"}},
                {"notes": "E5:1/2 G5:1/2 A5:1"},
            ]
        },
    ):
        """What a song may say; a file is given as {from: song.mid}."""

        notes: Annotated[
            dict[
                Annotated[str, AfterValidator(_check_name)],
                Annotated[str, AfterValidator(_check_part)],
            ],
            BeforeValidator(
                lambda told: {ANY: told} if isinstance(told, str) else told,
                json_schema_input_type=str | dict[str, str],
            ),
        ] = Field(
            min_length=1,
            description="Notes with lengths in beats, C4:1 C4+E4:1/2 R:1, of each instrument or "
            "family of General MIDI by name; or of whatever plays.",
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return that the notes last longer than the song, or the section that says them."""
        beats = {name: parse_notes(text).beats for name, text in values.notes.items()}
        told = {name: overlong(number, grid) for name, number in beats.items()}
        return [(("notes", name), wrong) for name, wrong in told.items() if wrong]

    def file_misfit(self, path: Path, grid: TimeGrid) -> str:
        """Return that a file lasts longer than the song, or the section that says it."""
        score = read_score(path, grid.metre)
        return overlong_score([note for part in score.parts for note in part.notes], grid)

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the notes heard, in the part of which nothing is said; absent if there is none.

        Raises:
            NotInstalledError: basic-pitch is missing; says how to get it.
        """
        heard = [
            PlayedNote(n.pitch, grid.start + n.start, grid.start + n.end, None, VELOCITY)
            for n in hear_notes(audio)
        ]
        return {**draw_roll(heard, grid), "present": np.full(grid.frames, bool(heard), np.float32)}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return ``roll`` (5 * 88, T) and ``struck`` (88, T) of ``muze.analysis.piano_roll``.

        The notes begin where the grid does, and speak until the longest line of them ends.
        """
        lines = [
            parse_notes(text, None if name == ANY else program_of(name))
            for name, text in values.notes.items()
        ]
        notes = [note for line in lines for note in line.notes]
        return _drawn(notes, max(line.beats for line in lines), grid)

    def read(self, path: Path, grid: TimeGrid) -> Features:
        """Return all pitched notes of a MIDI or MusicXML file as ``parse`` does."""
        score = read_score(path, grid.metre)
        notes = [note for part in score.parts for note in part.notes]
        try:
            check_range(notes, LOWEST, HIGHEST)
        except ValueError as fault:
            raise ManifestError(f"{path}: {fault}") from None
        return _drawn(notes, score.beats, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``notes``, in seconds; those of drums and noises are left out."""
        if record.get("notes") is None:
            return None
        where = f"{record.get('audio_path', 'record')}: notes"
        end = grid.start + grid.frames / grid.frame_rate
        try:
            notes = [
                PlayedNote(n["pitch"], n["start"], n["end"], n.get("program"),
                           VELOCITY if n.get("velocity") is None else n["velocity"])
                for n in record["notes"]
                if n["start"] < end and n["end"] > grid.start and is_pitched(n.get("program"))
            ]  # fmt: skip
            return draw_roll(notes, grid)
        except KeyError as fault:
            raise DatasetError(f"{where}: one has no {fault.args[0]}") from None
        except (AttributeError, TypeError, ValueError) as fault:
            raise DatasetError(f"{where}: {fault}") from None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``notes``: pitch, start and end in seconds, program, velocity; nothing if none.

        A program is the one that stands for its part of the roll.
        """
        notes = read_roll(features, grid)
        return {"notes": note_fields(notes)} if notes else {}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare the onsets of notes, whatever plays them, where something was asked."""
        present = asked.get("present", np.ones(grid.frames)) > 0
        return onset_scores(asked, heard, present, grid) if present.any() else []

    def encoder(self) -> MidiEncoder:
        """Build the encoder."""
        from muze.plugins.streams.midi.encoder import MidiEncoder

        return MidiEncoder(self.injects())


def _drawn(notes: list[Note], beats: float, grid: TimeGrid) -> Features:
    """Draw notes in beats from where the grid begins, on the frames spoken of."""
    first = start_beat(grid)
    starts = grid.to_seconds([first + note.start for note in notes])
    ends = grid.to_seconds([first + note.end for note in notes])
    played = [
        PlayedNote(round(note.pitch), float(start), float(end), note.program, note.velocity)
        for note, start, end in zip(notes, starts, ends, strict=True)
    ]
    return {**draw_roll(played, grid), "present": spoken_until(beats, grid)}


@hookimpl
def muze_streams() -> list[type[MidiStream]]:
    """Offer the midi stream."""
    return [MidiStream]
