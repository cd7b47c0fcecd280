"""What is in a dataset: figures of all its tracks, what is missing, and who told what."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from muze.data.fields import form_of
from muze.data.schema import WholeRecord
from muze.data.store import ALWAYS, Record

BINS = 20
REASONS = 3
"""Reasons that are told of a field that is missing, the most frequent first."""
NUMBERS = {
    "duration": "seconds", "tempo": "beats a minute", "loudness": "LUFS",
    "sentiment_score": "sad to glad",
}  # fmt: skip
"""Fields whose values are drawn, and in what."""
NAMES = ("key", "time_signature", "genre", "language", "has_vocals", "artist")
"""Fields whose values are counted."""
ABSENT, UNREASONED = "not in the record", "no reason is told"


@dataclass(frozen=True)
class Spread:
    """How a number lies among the tracks that have it."""

    tracks: int
    lowest: float
    p5: float
    median: float
    mean: float
    p95: float
    highest: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    """Tracks between each two edges."""


@dataclass(frozen=True)
class Missing:
    """A field that some tracks lack."""

    field: str
    tracks: int
    share: float
    reasons: tuple[tuple[str, int], ...]
    """The most frequent ones, and in how many tracks."""


@dataclass(frozen=True)
class Maker:
    """A method that made fields."""

    backend: str
    version: str
    tracks: int
    fields: tuple[str, ...]
    """Empty where it made records as a whole."""


@dataclass(frozen=True)
class Sections:
    """Sections of one type."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Stats:
    """What is in a dataset."""

    tracks: int
    seconds: float
    numbers: dict[str, Spread]
    counts: dict[str, dict[str, int]]
    """By field, in how many tracks each value is, the most frequent first."""
    sections: dict[str, Sections]
    missing: tuple[Missing, ...]
    makers: tuple[Maker, ...]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as JSON."""
        return asdict(self)


def summarise(records: Iterable[Record]) -> Stats:
    """Return figures of all records; they are looked at one by one."""
    tracks, seconds = 0, 0.0
    numbers: dict[str, list[float]] = {name: [] for name in NUMBERS}
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    sections: dict[str, list[float]] = defaultdict(list)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    there: Counter[str] = Counter()
    makers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for record in records:
        tracks += 1
        seconds += record["duration"]
        there.update(key for key, value in record.items() if value is not None)
        for name, values in numbers.items():
            value = record.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                values.append(float(value))
        for name, counter in counts.items():
            counter.update(_names(record.get(name)))
        for part in record.get("segments") or ():
            sections[part["type"]].append(part["end"] - part["start"])
        for name, reason in _reasons(record):
            reasons[name][reason] += 1
        for maker, field in _made(record):
            makers[maker][field] += 1
    return Stats(
        tracks,
        round(seconds, 3),
        {name: _spread(values) for name, values in numbers.items() if values},
        {name: dict(counter.most_common()) for name, counter in counts.items() if counter},
        {
            kind: Sections(len(lengths), round(sum(lengths), 3))
            for kind, lengths in sorted(sections.items(), key=lambda item: -sum(item[1]))
        },
        tuple(_missing(tracks, there, reasons)),
        tuple(_makers(makers)),
    )


def _names(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return [str(name) for name in dict.fromkeys(value)] if isinstance(value, list) else [str(value)]


def _spread(values: Sequence[float]) -> Spread:
    counts, edges = np.histogram(values, BINS)
    marks = np.percentile(values, [0, 5, 50, 95, 100])
    lowest, p5, median, p95, highest = (round(float(mark), 4) for mark in marks)
    return Spread(
        len(values), lowest, p5, median, round(float(np.mean(values)), 4), p95, highest,
        tuple(round(float(edge), 4) for edge in edges), tuple(int(count) for count in counts),
    )  # fmt: skip


def _reasons(record: Record) -> Iterator[tuple[str, str]]:
    """Yield each field that is null, and why."""
    each = _provenance(record)
    for name, value in record.items():
        if value is None:
            yield name, str(each.get(name, {}).get("reason") or UNREASONED)


def _made(record: Record) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the method that made a field, by name and version, and the field; "" for all."""
    for name, by in _provenance(record).items():
        if not by.get("reason"):
            yield (str(by.get("backend")), str(by.get("version", ""))), name


def _provenance(record: Record) -> dict[str, Mapping[str, Any]]:
    """Return who made each field; under "" who made all of the record."""
    made = record.get("provenance")
    if not isinstance(made, Mapping):
        return {}
    each = {"": made} if form_of(made) == "whole" else made
    return {name: by for name, by in each.items() if isinstance(by, Mapping)}


def _missing(
    tracks: int, there: Counter[str], reasons: Mapping[str, Counter[str]]
) -> Iterator[Missing]:
    fields = dict.fromkeys([*WholeRecord.model_fields, *there, *reasons])
    for name in fields:
        lacking = tracks - there[name]
        if name in ALWAYS or not lacking:
            continue
        why = Counter(reasons.get(name, {}))
        why[ABSENT] += lacking - why.total()
        told = tuple((text, count) for text, count in why.most_common(REASONS) if count)
        yield Missing(name, lacking, round(lacking / tracks, 4), told)


def _makers(makers: Mapping[tuple[str, str], Counter[str]]) -> Iterator[Maker]:
    """Yield methods in the order in which records have them; one is in as many as its commonest."""
    for (backend, version), fields in makers.items():
        named = tuple(name for name in fields if name)
        yield Maker(backend, version, max(fields.values()), named)
