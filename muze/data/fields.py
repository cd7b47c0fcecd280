"""What a field of a track's record may hold: its parts, ranges, times and lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, WithJsonSchema

from muze.core.genres import known_genre
from muze.core.grid import SECTION_TYPES, section_type
from muze.core.theory import Chord, Key
from muze.data.track import Known, KnownChord, KnownSegment, Rising

PAST_END = 0.1
"""Seconds by which a time may lie past the track's end."""
SLACK = 0.001
"""Seconds by which neighbours may overlap: times are rounded to milliseconds."""
SHOWN = 3
"""Faults of one list that are told one by one."""
T = TypeVar("T")


def _read_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    def check(text: str) -> str:
        parse(text)
        return text

    return check


def _inside(times: list[float], info: ValidationInfo) -> list[float]:
    """Return the times; raise ``ValueError`` where one lies outside the track."""
    end = info.data.get("duration", math.inf)
    for index, time in enumerate(times):
        if not 0 <= time <= end + PAST_END:
            raise ValueError(f"{time:g} at {index} lies outside the track, 0 to {end:g}")
    return times


def _in_order(apart: bool) -> Callable[[Sequence[T], ValidationInfo], Sequence[T]]:
    """Return a check of spans: in the track, in order, and not overlapping if ``apart``."""

    def check(spans: Sequence[T], info: ValidationInfo) -> Sequence[T]:
        last, wrong = info.data.get("duration", math.inf), []
        began = ended = -math.inf
        for index, span in enumerate(spans):
            start, end = _edges(span)
            if end < start:
                wrong.append(f"{index} ends at {end:g}, before its start, {start:g}")
            elif start < 0 or end > last + PAST_END:
                wrong.append(f"{index} lies outside the track, 0 to {last:g}")
            if start < began:
                wrong.append(f"{index} starts at {start:g}, before the one ahead of it")
            elif apart and start < ended - SLACK:
                wrong.append(f"{index} starts at {start:g}, before the one ahead ends")
            began, ended = start, max(ended, end)
        if wrong:
            more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise ValueError("; ".join(wrong[:SHOWN]) + more)
        return spans

    return check


def _edges(span: Any) -> tuple[float, float]:  # Any: a pair, or a model with start and end
    return (span[0], span[1]) if isinstance(span, list) else (span.start, span.end)


def _sampled(rate: float) -> Callable[[list[T], ValidationInfo], list[T]]:
    """Return a check that a curve has ``rate`` values a second from start to end."""

    def check(curve: list[T], info: ValidationInfo) -> list[T]:
        told = len(curve) / rate
        duration = info.data.get("duration", told)
        if abs(told - duration) > PAST_END + 1 / rate:
            raise ValueError(
                f"has {len(curve)} values; {rate:g} a second over {duration:g} s are "
                f"{round(duration * rate)}"
            )
        return curve

    return check


def same_length(field: str) -> AfterValidator:
    """Return a check that a list is as long as another field's."""

    def check(values: list[T], info: ValidationInfo) -> list[T]:
        other = info.data.get(field)
        if other is not None and len(other) != len(values):
            raise ValueError(f"has {len(values)} values, {field} has {len(other)}")
        return values

    return AfterValidator(check)


def _counted(number: int, info: ValidationInfo) -> int:
    beats = info.data.get("beat_positions")
    if beats is not None and len(beats) != number:
        raise ValueError(f"is {number}, but there are {len(beats)} beat_positions")
    return number


def _of_key(index: int, info: ValidationInfo) -> int:
    key = info.data.get("key")
    if key is not None and Key.parse(key).index != index:
        raise ValueError(f"is {index}; that of {key} is {Key.parse(key).index}")
    return index


def _not_zero(vector: list[float]) -> list[float]:
    if not any(vector):
        raise ValueError("is all zeros; where there is none it should be null")
    return vector


def _from_prompt(prompts: list[str], info: ValidationInfo) -> list[str]:
    prompt = info.data.get("prompt")
    if prompt is not None and prompts[0] != prompt:
        raise ValueError("should begin with what prompt says")
    return prompts


def _hit_for_hit(told: dict[str, list[float]], info: ValidationInfo) -> dict[str, list[float]]:
    onsets = info.data.get("drum_onsets") or {}
    for drum, values in told.items():
        if drum in onsets and len(values) != len(onsets[drum]):
            raise ValueError(f"has {len(values)} of {drum}, drum_onsets has {len(onsets[drum])}")
    return told


def form_of(told: object) -> str:
    """Return the form of a field that has two: a word or a list; one maker or one a field."""
    if isinstance(told, Mapping):
        return "whole" if isinstance(told.get("backend"), str) else "fields"
    return "list" if isinstance(told, list) else "text"


FORMS = ("whole", "fields", "list", "text")

Share = Annotated[float, Field(ge=0, le=1)]
Bpm = Annotated[float, Field(ge=20, le=400)]
Times = Annotated[Rising, AfterValidator(_inside)]
Apart, InOrder = AfterValidator(_in_order(apart=True)), AfterValidator(_in_order(apart=False))
Span = Annotated[list[float], Field(min_length=2, max_length=2)]
TenthsOfSeconds, Seconds, Frames = (AfterValidator(_sampled(rate)) for rate in (10, 1, 100))
BeatCount = Annotated[int, Field(ge=0), AfterValidator(_counted)]
KeyName = Annotated[str, AfterValidator(_read_by(Key.parse))]
KeyIndex = Annotated[int, Field(ge=0, le=23), AfterValidator(_of_key)]
ChordName = Annotated[str, AfterValidator(_read_by(Chord.parse))]
GenreName = Annotated[str, AfterValidator(_read_by(known_genre))]
Genres = Annotated[
    Annotated[GenreName, Tag("text")] | Annotated[list[GenreName], Tag("list")],
    Discriminator(form_of),
]
Words = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[str], Tag("list")], Discriminator(form_of)
]
Prompts = Annotated[list[str], Field(min_length=1), AfterValidator(_from_prompt)]
Nonzero = AfterValidator(_not_zero)
Vector192 = Annotated[list[float], Field(min_length=192, max_length=192), Nonzero]
Vector256 = Annotated[list[float], Field(min_length=256, max_length=256), Nonzero]
Vector512 = Annotated[list[float], Field(min_length=512, max_length=512), Nonzero]
PitchClass = Annotated[int, Field(ge=-1, le=11)]
Drum = Literal["kick", "snare", "hat", "tom", "cymbal"]
Strengths = Annotated[dict[Drum, list[Share]], AfterValidator(_hit_for_hit)]


class Segment(KnownSegment):
    """A section, in seconds."""

    type: Annotated[
        str,
        AfterValidator(section_type),
        WithJsonSchema({"type": "string", "enum": list(SECTION_TYPES)}),
    ]
    energy: Share | None = None
    confidence: Share | None = None


class TimedChord(KnownChord):
    """A chord, in seconds."""

    chord: ChordName


class Word(Known):
    """A word that is sung or spoken, in seconds."""

    word: str
    start: float
    end: float


class TimedPhoneme(Known):
    """A sound of speech in IPA, in seconds; ``word`` is the number of its word."""

    phoneme: str = Field(min_length=1)
    start: float
    end: float
    word: int | None = Field(None, ge=0)


class Note(Known):
    """A note, in seconds; ``pitch`` and ``program`` are MIDI's numbers."""

    pitch: int = Field(ge=0, le=127)
    start: float
    end: float
    program: int | None = Field(None, ge=0, le=127)
    velocity: Share | None = None


class VibratoSpan(Known):
    """The vibrato of a part of the track, in seconds, Hz, cents and a share."""

    start: float
    end: float
    rate: float = Field(ge=0)
    depth: float = Field(ge=0)
    extent: Share


class Made(Known):
    """Who made a field: a method, its version, how sure it is; or why the field is null."""

    backend: str
    version: str | int = ""
    confidence: Share | None = None
    reason: str | None = None


Provenance = Annotated[
    Annotated[Made, Tag("whole")] | Annotated[dict[str, Made], Tag("fields")],
    Discriminator(form_of),
]
