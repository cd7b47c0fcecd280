"""Phoneme timestamps stream: which sound of the words is sung at every moment."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from muze import hookimpl
from muze.analysis.lyrics import check_lyrics, misplaced, sing
from muze.analysis.phonemes import error_rate, read_phone
from muze.analysis.phonemizers import Phonemizer, known_language
from muze.analysis.words import hear_sung, listener
from muze.core.errors import DatasetError
from muze.core.grid import FRAME_RATE, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings
from muze.plugins.streams.phoneme_timestamps.drawing import (
    draw_sung,
    ids_of,
    runs_of,
    sung_of,
    words_of,
)

if TYPE_CHECKING:
    from muze.plugins.streams.phoneme_timestamps.encoder import PhonemeTimestampEncoder

SHORTEST = 1 / FRAME_RATE
ANYWHERE = TimeGrid.of_song(3600.0)


def _symbol(text: str) -> str:
    return str(read_phone(text))


class Timestamp(Settings):
    """A sound, and when it is sung."""

    phoneme: Annotated[str, AfterValidator(_symbol)] = Field(
        description="One sound in IPA: d, ˈaɪ, t͡ʃ."
    )
    start: float = Field(ge=0, description="Seconds of the song.")
    end: float = Field(description="Seconds of the song.")
    word: int | None = Field(None, ge=0, description="Number of the word it belongs to.")

    @model_validator(mode="after")
    def _check_length(self) -> Timestamp:
        if self.end - self.start < SHORTEST - 1e-9:
            raise ValueError(
                f"{self.phoneme} lasts from {self.start:g} to {self.end:g} s; a sound lasts "
                f"{SHORTEST:g} s at least"
            )
        return self


def _in_order(told: list[Timestamp]) -> list[Timestamp]:
    for before, after in itertools.pairwise(told):
        if after.start < before.end - 1e-9:
            raise ValueError(
                f"{after.phoneme} begins at {after.start:g} s, before {before.phoneme} ends at "
                f"{before.end:g} s; sounds come one after another"
            )
    return told


class PhonemeTimestampsStream:
    """The sound of each frame, where it begins and its word; silence between them is a value."""

    name: ClassVar[str] = "phoneme_timestamps"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "lyrics"
    layout: ClassVar[Mapping[str, Layout]] = {"phonemes": "frames"}
    extractor: str = "faster-whisper"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Who reads and hears words, and widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(32, ge=1, description="Width of the frames.")
        phonemizer: Phonemizer = Field(
            "auto", description="gruut, espeak, or auto: gruut for the languages it has."
        )
        whisper_model: str | None = Field(
            None,
            min_length=1,
            description="Whisper that hears words: a name or a folder; tiny.en unless said.",
        )

    class Values(
        Settings,
        json_schema_extra={
            "examples": [
                {"timestamps": [
                    {"phoneme": "ɡ", "start": 1.0, "end": 1.06, "word": 0},
                    {"phoneme": "ˈoʊ", "start": 1.06, "end": 2.5, "word": 0},
                    {"phoneme": "ˈɑ", "start": 5.0, "end": 7.0, "word": 1},
                ]},
                {"lyrics": "Headlights paint the rain\nDrive until the morning"},
            ]
        },
    ):  # fmt: skip
        """What a song may say."""

        lyrics: (
            Annotated[
                str,
                StringConstraints(strip_whitespace=True, min_length=1),
                AfterValidator(check_lyrics),
            ]
            | None
        ) = Field(
            None,
            description="The words, laid over the beats; a part marked [chorus] over the choruses.",
        )
        language: Annotated[str, AfterValidator(known_language)] | None = Field(
            None, description="Language of the lyrics: en (unless said), de, pl, ..."
        )
        timestamps: Annotated[list[Timestamp], AfterValidator(_in_order)] | None = Field(
            None, description="The sounds one by one with their times; an empty list for none."
        )

        @model_validator(mode="after")
        def _one_of_them(self) -> PhonemeTimestampsStream.Values:
            if (self.lyrics is None) == (self.timestamps is None):
                raise ValueError("say either lyrics or timestamps")
            if self.language is not None and self.lyrics is None:
                raise ValueError("language goes with lyrics; leave it out")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def check(self, values: Values) -> None:
        """Raise ``MuzeError`` for lyrics that nobody here can read."""
        if values.lyrics is not None:  # without sections, so that no mark of one is missed
            sing(values.lyrics, values.language or "en", ANYWHERE, self.config.phonemizer)

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return the sounds, or the marks of lyrics, that do not fit into the song or section."""
        if values.lyrics is not None:
            told = misplaced(values.lyrics, grid)
            return [(("lyrics",), told)] if told else []
        return [
            (
                ("timestamps", index),
                f"{sound.phoneme} from {sound.start:g} to {sound.end:g} s {where}",
            )
            for index, sound in enumerate(values.timestamps or [])
            if (where := grid.misfit(sound.start, sound.end))
        ]

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the sounds of the words heard, as in ``parse``, spread over each word's time.

        Raises:
            NotInstalledError: Whisper or gruut is missing; says how to get it.
        """
        self.extractor = listener(self.config.whisper_model)
        model, phonemizer = self.config.whisper_model, self.config.phonemizer
        return draw_sung(hear_sung(audio, grid, model, phonemizer), grid)

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the sound of each frame (3, T); zeros where nothing is sung.

        Rows: number in the inventory; 1 on the frame where a sound begins, 2 where a word does;
        1 while it is stressed, 2 while less so.
        """
        if values.timestamps is not None:
            return draw_sung(sung_of(entry.model_dump() for entry in values.timestamps), grid)
        assert values.lyrics is not None
        language = values.language or "en"
        return draw_sung(sing(values.lyrics, language, grid, self.config.phonemizer), grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``phoneme_timestamps``; an empty list says that nothing is sung."""
        if (told := record.get("phoneme_timestamps")) is None:
            return None
        try:
            return draw_sung(sung_of(told), grid)
        except (ValueError, TypeError, KeyError) as fault:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: phoneme_timestamps: {fault}") from None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``phoneme_timestamps``: phoneme, start, end and the number of its word."""
        word, told = -1, []
        for phone, begins, first, last in runs_of(features):
            word += begins == 2 or word < 0
            times = (grid.start + np.asarray([first, last]) / grid.frame_rate).round(3)
            start, end = (float(second) for second in times)
            told.append({"phoneme": str(phone), "start": start, "end": end, "word": word})
        return {"phoneme_timestamps": told}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return error rates of the sounds and of the words heard where words were asked for.

        Words are compared by their sounds.
        """
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        want, got = ([r for r in runs_of(f) if spoken[r[2]]] for f in (asked, heard))
        if not want:
            return []
        phones = error_rate(list(ids_of(want)), list(ids_of(got)))
        words = error_rate(list(words_of(want)), list(words_of(got)))
        return [
            Score("phoneme error rate", phones, "PER", False, 1.0),
            Score("word error rate", words, "WER", False, 1.0),
        ]

    def encoder(self) -> PhonemeTimestampEncoder:
        """Build the encoder."""
        from muze.plugins.streams.phoneme_timestamps.encoder import PhonemeTimestampEncoder

        return PhonemeTimestampEncoder(self.injects())


@hookimpl
def muze_streams() -> list[type[PhonemeTimestampsStream]]:
    """Offer the phoneme timestamps stream."""
    return [PhonemeTimestampsStream]
