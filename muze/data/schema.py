"""A track's whole record, field by field, and the JSON schema of a dataset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from muze.data.fields import (
    Apart,
    BeatCount,
    Bpm,
    ChordName,
    Drum,
    Frames,
    Genres,
    InOrder,
    KeyIndex,
    KeyName,
    Note,
    PitchClass,
    Prompts,
    Provenance,
    Seconds,
    Segment,
    Share,
    Span,
    Strengths,
    TenthsOfSeconds,
    TimedChord,
    TimedPhoneme,
    Times,
    Vector192,
    Vector256,
    Vector512,
    VibratoSpan,
    Word,
    Words,
    same_length,
)
from muze.data.track import Known, KnownTempo, TimeSignature


class WholeRecord(Known):
    """One recording; all but the first two may be missing, or null for what is not known."""

    audio_path: str = Field(min_length=1, description="The sound file, from the dataset's folder.")
    duration: float = Field(gt=0, description="Seconds.")
    audio_sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="SHA-256 of the sound file."
    )
    sample_rate: int | None = Field(None, gt=0, description="Of the sound file, Hz.")
    channels: int | None = Field(None, ge=1, description="Of the sound file.")
    title: str | None = Field(None, description="Its title.")
    artist: str | None = Field(None, description="Who plays it.")
    album: str | None = Field(None, description="Where it came out.")
    tags: dict[str, str] | None = Field(None, description="The file's tags, as they were read.")
    genre: Genres | None = Field(None, description="One genre or several, of the stream `genre`.")
    prompt: str | None = Field(None, description="What it is like, in words.")
    prompts: Prompts | None = Field(
        None, description="Several wordings, `prompt` first; training draws one each time."
    )
    tempo: Bpm | None = Field(None, description="Beats a minute.")
    tempo_map: list[KnownTempo] | None = Field(
        None, description="From which beat on, of `downbeat_positions`' first, which tempo holds."
    )
    time_signature: TimeSignature | None = Field(None, description="As `4/4`.")
    beat_positions: Times | None = Field(None, description="Beats, seconds.")
    downbeat_positions: Times | None = Field(None, description="First beats of bars, seconds.")
    num_beats: BeatCount | None = Field(None, description="How many `beat_positions` there are.")
    key: KeyName | None = Field(None, description="As `A minor`.")
    key_index: KeyIndex | None = Field(
        None, description="0 to 11 major from C, 12 to 23 minor; a mode goes with its third."
    )
    chords: Annotated[list[TimedChord], Apart] | None = Field(
        None, description="Chords along time; `N` is none."
    )
    chord_progression: list[ChordName] | None = Field(None, description="Their names in order.")
    segments: Annotated[list[Segment], Apart] | None = Field(
        None, description="Sections along time."
    )
    loudness: float | None = Field(None, ge=-120, le=20, description="Integrated, LUFS.")
    loudness_curve: Annotated[list[float], TenthsOfSeconds] | None = Field(
        None, description="LUFS, ten times a second."
    )
    energy_curve: Annotated[list[Share], Seconds] | None = Field(
        None, description="Energy once a second."
    )
    has_vocals: bool | None = Field(None, description="Whether there is a voice.")
    language: str | None = Field(
        None, pattern="^[a-z]{2,3}(-[a-z0-9]{2,4})?$", description="Of the words, an ISO 639 code."
    )
    lyrics: str | None = Field(None, description="The words, line by line.")
    words: Annotated[list[Word], InOrder] | None = Field(None, description="Words along time.")
    phonemes_ipa: Words | None = Field(None, description="The words in IPA.")
    phoneme_timestamps: Annotated[list[TimedPhoneme], InOrder] | None = Field(
        None, description="Sounds of speech along time."
    )
    sentiment_score: float | None = Field(None, ge=-1, le=1, description="From sad to glad.")
    voice_embedding: Vector256 | None = Field(None, description="Resemblyzer's, of the mix.")
    ecapa_embedding: Vector192 | None = Field(None, description="ECAPA-TDNN's, of the vocals.")
    clap_audio_embedding: Vector512 | None = Field(None, description="CLAP's, of the sound.")
    clap_text_embedding: Vector512 | None = Field(None, description="CLAP's, of the prompt.")
    f0_contour: Annotated[list[Annotated[float, Field(ge=0)]], Frames] | None = Field(
        None, description="Pitch in Hz, 100 times a second; 0 where there is none."
    )
    f0_coarse: (
        Annotated[list[Annotated[int, Field(ge=0, le=83)]], same_length("f0_contour")] | None
    ) = Field(None, description="Its semitone, from C1.")
    f0_voiced_mask: Annotated[list[bool], same_length("f0_contour")] | None = Field(
        None, description="Where there is a pitch."
    )
    f0_spans: Annotated[list[Span], Apart] | None = Field(
        None, description="Start and end of what `f0_contour` tells of, where that is not all."
    )
    vibrato_rate: float | None = Field(None, ge=0, description="Hz.")
    vibrato_depth: float | None = Field(None, ge=0, description="Cents.")
    vibrato_extent: Share | None = Field(None, description="How much of the singing has it.")
    vibrato_spans: Annotated[list[VibratoSpan], Apart] | None = Field(
        None, description="Vibrato part by part, where it changes."
    )
    breath_positions: Times | None = Field(None, description="Breaths, seconds.")
    notes: Annotated[list[Note], InOrder] | None = Field(None, description="Notes along time.")
    melody_chroma: list[PitchClass | None] | None = Field(
        None, description="Pitch class of the melody every 128 ms: -1 in rests, null if not told."
    )
    drum_onsets: dict[Drum, Times] | None = Field(None, description="Hits by drum, seconds.")
    drum_velocities: Strengths | None = Field(None, description="How hard each hit is.")
    provenance: Provenance | None = Field(
        None, description="Who made each field, or why it is null; or who made all of the record."
    )


class DatasetFile(BaseModel):
    """A dataset of muze: records of tracks beside their sound."""

    muze_dataset: Literal[1] = Field(description="Version of the format.")
    tracks: list[WholeRecord] = Field(min_length=1)


def dataset_schema() -> dict[str, Any]:
    """Return the JSON schema of a ``dataset.json``; what ties two fields together is not in it."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **DatasetFile.model_json_schema()}
