"""Phoneme stream: the sounds of the words, in order, and how long each is where that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from muze import hookimpl
from muze.analysis.lyrics import check_lyrics, read_blocks, unsung
from muze.analysis.phonemes import Phone, error_rate, read_ipa, write_ipa
from muze.analysis.phonemizers import Phonemizer, known_language, read_words
from muze.analysis.words import hear_sung, listener
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings
from muze.plugins.streams.phoneme.rows import (
    draw_rows,
    draw_times,
    draw_words,
    numbers_of,
    row_of,
)

if TYPE_CHECKING:
    from muze.plugins.streams.phoneme.encoder import PhonemeEncoder

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _ipa(text: str) -> str:
    for word in text.split():
        if not read_ipa(word, tied=False):
            raise ValueError(f"{word!r} holds no sound")
    return text


class PhonemeStream:
    """The sounds of the words: which, their stress, where words begin; no words are a value too."""

    name: ClassVar[str] = "phoneme"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "lyrics"
    layout: ClassVar[Mapping[str, Layout]] = {"phonemes": "tokens"}
    extractor: str = "faster-whisper"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Who reads and hears words, and widths of the encoder."""

        vector: int = Field(128, ge=1, description="Width of the vector.")
        tokens: int = Field(0, ge=0, description="Width of tokens, one a sound; 0 gives none.")
        hidden: int = Field(128, ge=1, description="Width of the network over the sounds.")
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
            "examples": [{"ipa": "hˈɛdlˌaɪts pˈeɪnt ðə ɹˈeɪn"}, {"lyrics": "Drive until morning"}]
        },
    ):
        """What a song may say."""

        lyrics: Annotated[Text, AfterValidator(check_lyrics)] | None = Field(
            None, description="The words; marks of sections, as [verse], are not sung."
        )
        language: Annotated[str, AfterValidator(known_language)] | None = Field(
            None, description="Language of the lyrics: en (unless said), de, pl, ..."
        )
        ipa: Annotated[Text, AfterValidator(_ipa)] | None = Field(
            None, description="The words in IPA, a space between two, stress marks and all."
        )

        @model_validator(mode="after")
        def _one_of_them(self) -> PhonemeStream.Values:
            if (self.lyrics is None) == (self.ipa is None):
                raise ValueError("say either lyrics or ipa")
            if self.language is not None and self.lyrics is None:
                raise ValueError("language goes with lyrics; leave it out")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def check(self, values: Values) -> None:
        """Raise ``MuzeError`` for lyrics that nobody here can read."""
        if values.lyrics is not None:
            self._read(values)

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return the marks of sections that the song has not."""
        told = unsung(values.lyrics or "", grid)
        return [(("lyrics",), told)] if told else []

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        sites: dict[Site, int] = {"vector": self.config.vector}
        return {**sites, "tokens": self.config.tokens} if self.config.tokens else sites

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the sounds of the words heard, as in ``parse``, each with its time and length.

        Raises:
            NotInstalledError: Whisper or gruut is missing; says how to get it.
        """
        self.extractor = listener(self.config.whisper_model)
        sung = hear_sung(audio, grid, self.config.whisper_model, self.config.phonemizer)
        rows = [row_of(s.phone, s.opens, s.end - s.start) for s in sung]
        return draw_rows(rows, [(s.start, s.end) for s in sung])

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the sounds of the words (N, 4), each spanning the grid.

        Columns: number in the inventory; 1 stressed, 2 less so, else 0; 1 where a word begins;
        its length in seconds, -1 where it is not known.
        """
        if values.ipa is not None:
            return draw_words([read_ipa(word, tied=False) for word in values.ipa.split()], grid)
        return draw_words(self._read(values), grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``phoneme_timestamps`` inside the grid, with their lengths.

        Where it has none, all of its ``phonemes_ipa``, a list of words in IPA or of single sounds.
        """
        try:
            if (timed := record.get("phoneme_timestamps")) is not None:
                return draw_times(timed, grid)
            if (told := record.get("phonemes_ipa")) is not None:
                words = told.split() if isinstance(told, str) else told
                return draw_words([read_ipa(word) for word in words], grid)
        except (ValueError, TypeError, KeyError) as fault:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: phonemes: {fault}") from None
        return None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return ``phonemes_ipa``: the words in IPA."""
        words: list[list[Phone]] = []
        for number, stress, opens, _ in features["phonemes"]:
            words += [[]] if opens or not words else []
            words[-1].append(Phone.of(int(number), int(stress)))
        return {"phonemes_ipa": [write_ipa(word) for word in words]}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return the phoneme error rate of what is heard where words were asked for."""
        want, got = numbers_of(asked, None, grid), numbers_of(heard, asked.get("present"), grid)
        if not want:
            return []
        return [Score("phoneme error rate", error_rate(want, got), "PER", False, 1.0)]

    def encoder(self) -> PhonemeEncoder:
        """Build the encoder."""
        from muze.plugins.streams.phoneme.encoder import PhonemeEncoder

        return PhonemeEncoder(self.injects(), self.config.hidden)

    def _read(self, values: Values) -> list[tuple[Phone, ...]]:
        lines = [line for block in read_blocks(values.lyrics or "") for line in block.lines]
        language, phonemizer = values.language or "en", self.config.phonemizer
        return [word.phones for line in lines for word in read_words(line, language, phonemizer)]


@hookimpl
def muze_streams() -> list[type[PhonemeStream]]:
    """Offer the phoneme stream."""
    return [PhonemeStream]
