"""Everything a song can say, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
)

from muze.core.grid import SECTION_TYPES, Metre
from muze.core.settings import Settings
from muze.core.theory import Key
from muze.manifest.faults import Source

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Weight = Annotated[Number, Field(ge=0, le=100)]
QUIETEST, LOUDEST = -50, -5
"""LUFS a file may have."""
SHORT_FORMS = {"prompt": "text", "tempo": "tempo", "key": "key"}
"""Keys of a song that are the short form of a stream, and that stream."""
VOICE_SHORT_FORMS = {"style_of": "voice", "vibrato": "vibrato", "breath": "breath"}
"""Keys of a song's voice that are the short form of a stream, and that stream."""
LYRICS_STREAMS = ("phoneme", "phoneme_timestamps")
"""Streams that the words of a song's voice are told to."""
LYRICS_KEYS = ("lyrics", "language")
"""Keys of a song's voice that are fields of those streams."""
SECTION_SHORT_FORMS = {
    "prompt": "text", "energy": "energy", "key": "key", "tempo": "tempo", "genre": "genre",
}  # fmt: skip
"""Keys of a section that are the short form of a stream, and that stream."""


def _metre(text: str) -> str:
    return str(Metre.parse(text))


def _key(text: str) -> str:
    return str(Key.parse(text))


def _whole(told: Any) -> Any:  # whatever YAML holds; the field's type judges the rest
    if isinstance(told, (bool, float)):  # true and 1.0 are equal to 1
        raise ValueError(f"must be 1, not {str(told).lower()}")
    return told


TimeSignature = Annotated[str, AfterValidator(_metre)]
KeyName = Annotated[str, AfterValidator(_key)]
Bpm = Annotated[Number, Field(ge=20, le=400)]


class TempoChange(Settings):
    """A new tempo from a bar on."""

    bar: Count = Field(ge=1, description="The bar it starts at, counted from 1.")
    bpm: Bpm = Field(description="Beats a minute; in 6/8 the beat is the dotted quarter.")


Tempo = Bpm | Annotated[list[TempoChange], Field(min_length=1)]
Level = Annotated[Number, Field(ge=0, le=1)]
Energy = Level | Annotated[list[Level], Field(min_length=1)]
Genre = Text | Annotated[list[Text], Field(min_length=1)]


class Section(Settings):
    """One part of the song."""

    type: Literal[SECTION_TYPES] = Field(description="What kind of section it is.")  # type: ignore[valid-type]
    bars: Count | None = Field(None, ge=1, le=10_000, description="Its length in bars.")
    seconds: Number | None = Field(
        None, gt=0, le=3600, description="Its length in seconds; it ends on the nearest bar line."
    )
    prompt: Text | None = Field(None, description="What this section is like, beside the song's.")
    energy: Energy | None = Field(
        None, description="From 0 (still) to 1; several values are spread over the section."
    )
    key: KeyName | None = Field(None, description="Its key, where it leaves the song's.")
    tempo: Bpm | None = Field(None, description="Its tempo, where it leaves the song's.")
    genre: Genre | None = Field(None, description="Its genre or genres.")
    streams: dict[str, Any] = Field(  # Any: each stream checks its own values
        default_factory=dict, description="What else it says, stream by stream."
    )


class Structure(Settings):
    """The form of the song: a template, or its sections one by one."""

    template: str | None = Field(None, description="Name of a form that fits itself to the length.")
    sections: list[Section] | None = Field(
        None, min_length=1, max_length=500, description="The sections in order."
    )


class SamplerChoice(Settings):
    """Which sampler turns noise into music; further keys are its own settings."""

    model_config = ConfigDict(extra="allow")

    name: Text | None = Field(None, description="An installed sampler.")
    steps: Count | None = Field(None, ge=1, le=1000, description="Denoising steps.")
    eta: Number | None = Field(None, ge=0, le=1, description="Noise put back at each step.")


class VocoderChoice(Settings):
    """Which vocoder turns the spectrogram into sound; further keys are its own settings."""

    model_config = ConfigDict(extra="allow")

    name: Text = Field(description="An installed vocoder.")


TEMPLATES = "templates"
"""The planner that needs no network."""


class PlannerChoice(Settings):
    """Who decides what the song leaves open."""

    name: Text = Field(
        description="templates, or a model with a planner: installed, a folder, or a hub id."
    )
    temperature: Number = Field(
        1.0, gt=0, le=10, description="How freely a trained planner draws; towards 0 the likeliest."
    )
    top_p: Number = Field(
        0.95, gt=0, le=1, description="It draws from the likeliest that are this likely together."
    )


class Clone(Settings):
    """A voice to be cloned, and the leave to do so."""

    samples: Text = Field(description="A recording of the speaker, or a folder of them.")
    consent: Text = Field(description="The speaker's consent: a YAML file.")


class Effects(Settings):
    """What is done to the voice, and to the music beneath it."""

    de_ess: Number = Field(
        6.0, ge=0, le=24, description="dB by which hisses are held down at most; 0 leaves them."
    )
    reverb: Level = Field(0.15, description="Share of the voice that is sent to a room.")
    duck: Number = Field(
        2.0, ge=0, le=24, description="dB by which the music gives way while the voice sounds."
    )


def _one_melody(told: Any) -> Any:
    if isinstance(told, dict) and len(told) != 1:
        raise ValueError("say one of from, midi and notes")
    return told


Melody = (
    Literal["from-plan", "spoken", "rap"]
    | Annotated[dict[Literal["from", "midi", "notes"], Text], AfterValidator(_one_melody)]
)


class Voice(Settings):
    """Who sings, and what."""

    backend: Text | None = Field(None, description="An installed voice backend.")
    voice: Text | None = Field(None, description="A voice that the backend lists.")
    style_of: Text | None = Field(
        None,
        description="Whose voice colours the music: a recording, or an artist of an "
        ".artist_embeddings.json beside the song. Short form of the stream voice.",
    )
    clone: Clone | None = Field(None, description="A voice to clone.")
    separate_vocals: Annotated[bool, Field(strict=True)] | Text = Field(
        False,
        description="Take the voice out of the recordings of style_of, clone or a registered voice "
        "before they are heard: true, or the name of a separator.",
    )
    lyrics: Text | None = Field(
        None,
        description="The words, with [section] marks. The singer sings them; without one, the "
        "streams phoneme and phoneme_timestamps are told them, where the song does not say these.",
    )
    language: Text | None = Field(None, description="Language of the words: en, de, pl, ...")
    melody: Melody = Field(
        "from-plan",
        description="What the words are sung on: from-plan, what the streams f0, melody or midi "
        "tell, else composed; {from: hum.wav}; {midi: lead.mid}; {notes: A4:1 C5:1/2}; or spoken, "
        "or rap.",
    )
    transpose: Count = Field(
        0, ge=-36, le=36, description="Semitones by which the melody is sung higher."
    )
    vibrato: Any = Field(
        None, description="As the stream vibrato; of the singer, or without one of that stream."
    )
    breath: Any = Field(
        None, description="As the stream breath; of the singer, or without one of that stream."
    )
    level: Number = Field(
        3.0, ge=-30, le=30, description="LU by which the voice is louder than the music."
    )
    effects: Effects | Literal["none"] = Field(
        Effects(), description="What is done to the voice and the music beneath it; or none."
    )


def sings(voice: Voice | None) -> bool:
    """Whether a song says who sings; without that its words go to the model."""
    return voice is not None and any(
        told is not None for told in (voice.backend, voice.voice, voice.clone)
    )


def short_forms(voice: Voice | None) -> dict[str, str]:
    """Return the keys of a voice that are the short form of a stream, and that stream.

    How a singer's voice swings and breathes is told to the singer, not to the model.
    """
    singers = ("vibrato", "breath") if sings(voice) else ()
    return {key: name for key, name in VOICE_SHORT_FORMS.items() if key not in singers}


class Output(Settings):
    """The file that is written."""

    path: Text | None = Field(None, description="Its name, ending in .wav, .flac, .ogg or .mp3.")
    stems: bool = Field(
        False,
        strict=True,
        description="Write the stems, voice and music, beside it, as is always done of a song "
        "with a singer; no model has stems without one.",
    )
    loudness: Number | None = Field(
        None,
        ge=QUIETEST,
        le=LOUDEST,
        description="Integrated loudness, LUFS (ITU-R BS.1770); as the stream loudness asks, "
        "else -14.",
    )


class Song(
    Settings,
    json_schema_extra={
        "examples": [
            {"muze": 1, "prompt": "warm lo-fi house, mellow piano", "duration": 30},
            {
                "muze": 1,
                "prompt": "driving synthwave, bright arpeggios",
                "tempo": 118,
                "key": "A minor",
                "structure": {"sections": [{"type": "verse", "bars": 8, "energy": 0.5}]},
                "streams": {"chord": {"progression": ["Am", "F", "C", "G"]}},
            },
        ],
        "anyOf": [
            {"required": ["prompt"]},
            {"required": ["streams"], "properties": {"streams": {"required": ["text"]}}},
        ],
    },
):
    """A song: what must happen in it. What is not said, the planner decides."""

    muze: Annotated[Literal[1], BeforeValidator(_whole)] = Field(
        description="Version of this format: 1."
    )
    title: Text | None = Field(None, description="Written into the file's tags.")
    prompt: Text | None = Field(
        None, description="What the music is like, in words; required, or the stream text."
    )
    negative_prompt: Text | None = Field(None, description="What it must not be like.")
    duration: Number | None = Field(None, ge=1, le=3600, description="Length in seconds.")
    bars: Count | None = Field(
        None, ge=1, le=10_000, description="Length in bars; with duration only if both agree."
    )
    seed: Count | None = Field(
        None, ge=0, lt=2**63, description="Same seed, same song; drawn and noted unless given."
    )
    model: Text = Field("starter", description="An installed model, a folder, or a hub id.")
    planner: PlannerChoice | None = Field(
        None, description="Who decides what is left open; templates unless said."
    )
    tempo: Tempo | None = Field(
        None, description="Beats a minute, or a map: [{bar: 1, bpm: 118}, {bar: 17, bpm: 124}]."
    )
    time_signature: TimeSignature | None = Field(None, description="4/4, 3/4, 6/8, ...")
    key: KeyName | None = Field(None, description="Tonic and mode: A minor, F# dorian.")
    structure: Structure | None = Field(None, description="The form of the song.")
    streams: dict[str, Any] = Field(  # Any: each stream checks its own values
        default_factory=dict,
        description="What an installed stream says: its values, its first field alone, "
        "or {from: recording}.",
    )
    guidance: dict[str, Weight] = Field(
        default_factory=dict,
        description="How strongly the model is held to all it is told, and to single streams.",
    )
    sampler: SamplerChoice = Field(SamplerChoice(), description="The sampler and its settings.")
    vocoder: VocoderChoice | None = Field(None, description="The vocoder and its settings.")
    voice: Voice | None = Field(None, description="Who sings, and what.")
    output: Output = Field(Output(), description="The file that is written.")

    _source: Source = PrivateAttr(default_factory=lambda: Source("song", Path.cwd()))

    @property
    def source(self) -> Source:
        """What the song was read from, for the place of a fault and for relative paths."""
        return self._source

    @property
    def sections(self) -> list[Section]:
        """The sections it names; none where a template gives them."""
        return (self.structure.sections if self.structure else None) or []
