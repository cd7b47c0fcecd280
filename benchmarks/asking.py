"""What is asked of a model with a stream more: a curve, or what a held-out song is in truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.excerpts import Excerpt, held_out_excerpts
from benchmarks.harness import Figures, Kept
from muze.core.errors import MuzeError
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.data.conditions import recalled
from muze.data.store import Record, read_dataset
from muze.data.track import track_grid
from muze.evaluation.rendering import Ready, render
from muze.manifest import song_from_options
from muze.pipelines.draw import draw, draw_record
from muze.pipelines.model_info import find_model
from muze.pipelines.plan import Plan, plan_song
from muze.pipelines.sample import DrawnSong
from muze.report import SilentReport, open_report

SECONDS = 20.0
SHAPES = {
    "rising": (0.0, 1.0), "falling": (1.0, 0.0), "arch": (0.0, 1.0, 0.0), "valley": (1.0, 0.0, 1.0),
}  # fmt: skip
"""Curves that are asked, one after the other, between values rare and frequent in the songs."""


@dataclass(frozen=True)
class Asking:
    """A song that is asked for: its plan, and what is drawn of it on which clock."""

    plan: Plan
    drawn: DrawnSong
    grid: TimeGrid
    about: Mapping[str, Any]
    """What tells it from others, as JSON."""
    sound: Audio | None = None
    """The song itself, where its truth is asked."""


def tells(records: Sequence[Record], stream: Stream) -> bool:
    """Return whether some of the records tell the stream."""
    return any(recalled(stream, record, track_grid(record)) is not None for record in records)


def told_excerpts(folder: Path, count: int, stream: Stream) -> list[Excerpt]:
    """Return excerpts of the first held-out songs in which the stream has something to do.

    Songs without a lead say nothing of a melody, and where no drums play, none can be on time.

    Raises:
        MuzeError: there are not so many among ten times as many songs.
    """
    looked_at = count
    while True:
        excerpts = held_out_excerpts(folder, looked_at, SECONDS)
        found = [excerpt for excerpt in excerpts if _asks(excerpt, stream)]
        if len(found) >= count:
            return found[:count]
        if looked_at >= 10 * count:
            raise MuzeError(
                f"{folder}: of {looked_at} songs {len(found)} tell something of {stream.name}, "
                f"not {count}; ask for fewer"
            )
        looked_at += count - len(found)


def _asks(excerpt: Excerpt, stream: Stream) -> bool:
    assert excerpt.record is not None
    features = recalled(stream, excerpt.record, excerpt.grid)
    return features is not None and any(features[name].any() for name in stream.layout)


def curves(dataset: Path, field: str) -> Iterator[list[float]]:
    """Yield curves, without end, between values a tenth of all in a dataset lie under and over."""
    told = [value for record in read_dataset(dataset).tracks for value in record[field]]
    low, high = (float(edge) for edge in np.percentile(told, (10, 90)))
    for shape in cycle(SHAPES.values()):
        yield [round(low + (high - low) * x, 3) for x in shape]


def planned(excerpt: Excerpt, streams: Mapping[str, Any], model: Path) -> Plan:
    """Return the plan of a song of an excerpt's words and tempo, and of what streams are told."""
    assert excerpt.record is not None
    song = song_from_options(
        {"PROMPT": excerpt.record["prompt"], "--duration": SECONDS, "--seed": 0}
    )
    told = {"tempo": excerpt.record["tempo"], "model": str(model), "streams": dict(streams)}
    song = song.model_copy(update=told)
    registry = Registry()
    return plan_song(song, registry, find_model(song, registry))


def ask_curve(excerpt: Excerpt, plan: Plan, stream: str, ready: Ready) -> Asking:
    """Return what a plan says: the curve of the stream, and all that muze decides."""
    drawn = draw(plan, ready.registry, SilentReport(), ready.model.streams)
    about = {"song": excerpt.name, "asked": plan.streams[stream].values}
    return Asking(plan, drawn, plan.grid, about)


def ask_truth(excerpt: Excerpt, plan: Plan, stream: str, ready: Ready) -> Asking:
    """Return all that the model's streams recall of an excerpt, in the place of what is planned.

    What a plan decides, such as chords and beats, would speak against the notes of the excerpt.
    """
    assert excerpt.record is not None
    assert excerpt.grid.frames == plan.grid.frames
    drawn = draw_record(excerpt.record, excerpt.grid, ready.model.streams)
    features, present = drawn[stream]
    found = hashlib.sha256(present.tobytes())
    for name in sorted(features):
        found.update(np.ascontiguousarray(features[name]).tobytes())
    about = {"song": excerpt.name, "recalled": sorted(drawn), "asked": found.hexdigest()}
    return Asking(plan, drawn, excerpt.grid, about, excerpt.audio)


def measured(
    askings: Sequence[Asking], stream: Stream, ready: Ready, kept: Kept
) -> dict[str, list[Figures]]:
    """Return what is heard of the stream where it was told, left out, and in the songs asked."""
    found: dict[str, list[Figures]] = {"told": [], "left out": []}
    with open_report() as report:
        advance = report.task("rendering and measuring", len(askings))
        for asking in askings:
            for dropped, name in enumerate(("told", "left out")):
                about = {**asking.about, "networks": ready.networks, "dropped": bool(dropped)}
                render_it = partial(rendered_figures, ready, asking, stream, bool(dropped))
                found[name].append(kept.get(about, render_it))
            if asking.sound is not None:
                about = {**asking.about, "hears": stream.name}
                hear_it = partial(figures, asking, stream, asking.sound)
                found.setdefault("the song itself", []).append(kept.get(about, hear_it))
            advance()
    return found


def rendered_figures(ready: Ready, asking: Asking, stream: Stream, dropped: bool) -> Figures:
    """Return the stream's figures of a render that was told the stream, or not."""
    given = {
        name: found for name, found in asking.drawn.items() if not dropped or name != stream.name
    }
    return figures(asking, stream, render(ready, asking.plan, given).audio)


def figures(asking: Asking, stream: Stream, audio: Audio) -> Figures:
    """Return the stream's own figures of a sound beside what was asked."""
    features, present = asking.drawn[stream.name]
    asked = {**features, "present": present.astype(np.float32)}
    rows = stream.score(asked, stream.extract(audio, asking.grid), asking.grid)
    return {row.name: float(row.value) for row in rows}
