"""Melody stream: the pitch class that sounds strongest, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from muze import hookimpl
from muze.analysis.melody import overlong, spoken_until, start_beat
from muze.analysis.melody_chroma import HOP_SECONDS, NONE, melody_chroma
from muze.analysis.scores import SUFFIXES, melody_of, overlong_score, read_score
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.notes import Note, one_voice, parse_notes
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.melody.encoder import MelodyEncoder

PITCH_CLASSES = 12


def _one_voice(text: str) -> str:
    one_voice(parse_notes(text).notes)
    return text


class MelodyStream:
    """One pitch class of twelve where something sounds, none where nothing does."""

    name: ClassVar[str] = "melody"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "notes"
    layout: ClassVar[Mapping[str, Layout]] = {"melody": "frames"}
    extractor: ClassVar[str] = "strongest of 12 chroma, 512 ms windows every 128 ms"
    reads: ClassVar[tuple[str, ...]] = SUFFIXES
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Width of the encoder."""

        frames: int = Field(32, ge=1, description="Width of the frames.")

    class Values(
        Settings, json_schema_extra={"examples": [{"notes": "C4:1 E4:1/2 R:1/2 (G4:1 A4:1)x3"}]}
    ):
        """What a song may say; a score is given as {from: lead.mid} or {from: tune.musicxml}."""

        notes: Annotated[str, AfterValidator(_one_voice)] = Field(
            description="Notes and their lengths in beats, R a rest, from the first beat of the "
            "song, or of the section that says them; octaves count for nothing."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return that the notes last longer than the song, or the section that says them."""
        told = overlong(parse_notes(values.notes).beats, grid)
        return [(("notes",), told)] if told else []

    def file_misfit(self, path: Path, grid: TimeGrid) -> str:
        """Return that a file's melody lasts longer than the song, or the section that says it."""
        score = read_score(path, grid.metre)
        return overlong_score(melody_of(score, path), grid)

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the pitch class heard strongest, shape (12, T) as in ``parse``."""
        return _drawn(_at(melody_chroma(audio), grid.seconds - grid.start))

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the pitch class of each frame's note, one-hot, zeros in a rest, shape (12, T).

        Where the notes have ended, frames are absent.
        """
        line = parse_notes(values.notes)
        return _laid(one_voice(line.notes), line.beats, grid)

    def read(self, path: Path, grid: TimeGrid) -> Features:
        """Return the melody of a MIDI or MusicXML file as ``parse`` does."""
        score = read_score(path, grid.metre)
        return _laid(melody_of(score, path), score.beats, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``melody_chroma``; absent where it is null or has ended."""
        told = record.get("melody_chroma")
        if not told:
            return None
        known_classes = (None, *range(NONE, PITCH_CLASSES))
        if not isinstance(told, list) or any(x not in known_classes for x in told):
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: melody_chroma: must hold -1 to 11, or null")
        known = np.asarray([x is not None for x in told])
        classes = np.asarray([NONE if x is None else x for x in told])
        present = _at(known, grid.seconds) & (grid.seconds < len(told) * HOP_SECONDS)
        return {**_drawn(_at(classes, grid.seconds)), "present": present.astype(np.float32)}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``melody_chroma``: every 128 ms the class, 0 to 11 from C, -1 for silence.

        It is null where the stream is absent.
        """
        present = features.get("present", np.ones(grid.frames)) > 0
        if not present.any():
            return {}
        hops = max(1, int(np.ceil(grid.duration / HOP_SECONDS - 1e-6)))
        middle = ((np.arange(hops) + 0.5) * HOP_SECONDS * grid.frame_rate).astype(int)
        frames = np.minimum(middle, grid.frames - 1)
        classes = _classes(features)
        return {"melody_chroma": [int(classes[t]) if present[t] else None for t in frames]}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return the chroma cosine: the share of asked notes' time in which they sound strongest.

        Of two one-hot columns the cosine is 1 or 0 (Tal et al. 2024).
        """
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        want, got = _classes(asked), _classes(heard)
        sounding = spoken & (want != NONE)
        if not sounding.any():
            return []
        figure = float((want == got)[sounding].mean())
        return [Score("melody chroma cosine", figure, "cosine", True, 1 / PITCH_CLASSES)]

    def encoder(self) -> MelodyEncoder:
        """Build the encoder."""
        from muze.plugins.streams.melody.encoder import MelodyEncoder

        return MelodyEncoder(self.injects())


def _drawn(classes: NDArray[np.int_]) -> Features:
    rows = np.arange(PITCH_CLASSES)[:, None]
    return {"melody": (rows == classes).astype(np.float32)}


def _laid(notes: Iterable[Note], beats: float, grid: TimeGrid) -> Features:
    """Lay notes in beats from where the grid begins; it speaks for ``beats``."""
    classes, first = np.full(grid.frames, NONE), start_beat(grid)
    for note in notes:
        start, end = grid.to_seconds([first + note.start, first + note.end])
        inside = slice(*grid.frames_between(float(start), float(end)))
        classes[inside] = round(note.pitch) % PITCH_CLASSES
    return {**_drawn(classes), "present": spoken_until(beats, grid)}


def _classes(features: Features) -> NDArray[np.int_]:
    chroma = features["melody"]
    return np.where(chroma.any(axis=0), chroma.argmax(axis=0), NONE)


def _at(hops: NDArray[Any], seconds: NDArray[np.float64]) -> NDArray[Any]:
    """What a list of hops holds at each of ``seconds``; its last, after its end."""
    index = (seconds / HOP_SECONDS).astype(int)
    return np.asarray(hops[np.clip(index, 0, len(hops) - 1)])


@hookimpl
def muze_streams() -> list[type[MelodyStream]]:
    """Offer the melody stream."""
    return [MelodyStream]
