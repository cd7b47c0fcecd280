"""A stream under test: what it draws from its own examples, from sound and from a record."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from muze.core.grid import Audio, Features, SectionSpan, TempoMark, TimeGrid
from muze.core.protocols import Stream
from muze.testing import sounds
from muze.testing.settings import require

SECTIONS = (SectionSpan("verse", 0.0, 4.0), SectionSpan("chorus", 4.0, 8.0))
SONG = TimeGrid.of_song(8.0, 120.0, sections=SECTIONS)
OTHER_SONG = TimeGrid.of_song(
    8.0,
    (TempoMark(0, 90), TempoMark(6, 150)),
    sections=(SectionSpan("intro", 0.0, 5.0), SectionSpan("outro", 5.0, 8.0)),
    first_beat=0.3,
)
SOONER, LATER = (TimeGrid.of_song(24.0, 120.0).window(first, SONG.frames) for first in (0, 1200))
"""Two windows of one song that lie alike in their bars."""

Render = Callable[[Any, TimeGrid], Audio]
"""Sound, as long as a grid, that is what a stream's values say."""


class StreamCase:
    """A stream under test, with features drawn from its own examples and from sound."""

    def __init__(self, component: type[Stream], render: Render | None = None) -> None:
        self.cls = component
        self.render = render

    @cached_property
    def stream(self) -> Stream:
        """The stream with its default settings."""
        return self.cls(self.cls.Config())

    @cached_property
    def examples(self) -> list[dict[str, Any]]:
        """The manifest values its ``Values`` gives as examples."""
        extra = self.cls.Values.model_config.get("json_schema_extra")
        found = extra.get("examples") if isinstance(extra, dict) else None
        require(
            isinstance(found, list) and bool(found),
            "Values needs json_schema_extra={'examples': [...]}, valid values a manifest may give",
        )
        return list(found)  # type: ignore[arg-type]

    def parse(self, example: dict[str, Any], grid: TimeGrid = SONG) -> Features:
        """Draw one example on a grid."""
        return self.stream.parse(self.cls.Values(**example), grid)

    @cached_property
    def parsed(self) -> list[Features]:
        """Every example drawn on one grid."""
        return [self.parse(example) for example in self.examples]

    @cached_property
    def varied(self) -> list[Features]:
        """``parsed``, then the first example on other grids of the same length."""
        elsewhere = [self.parse(self.examples[0], grid) for grid in (OTHER_SONG, LATER)]
        return [*self.parsed, *elsewhere]

    @cached_property
    def heard(self) -> dict[str, Features]:
        """What the stream hears in synthetic sounds as long as the grid."""
        return {name: self.stream.extract(audio, SONG) for name, audio in material().items()}


def material() -> dict[str, Audio]:
    """Return sounds of every sort, each as long as ``SONG``."""
    beats = SONG.beat_times
    triads = sounds.chords(["C", "Am", "F", "G"], 2.0)
    both = Audio(np.repeat(triads.samples, 2, axis=0), triads.sample_rate)
    return {
        "silence": sounds.silence(8.0),
        "noise": sounds.noise(8.0),
        "chords": triads,
        "clicks": sounds.clicks(beats, 8.0, accents=beats[::4]),
        "stereo": both,
    }


def follows_layout(case: StreamCase, drawn: Features, grid: TimeGrid, what: str) -> None:
    """Raise ``AssertionError`` unless ``drawn`` holds the arrays of the stream's layout."""
    layout = dict(case.cls.layout)
    spans = {f"{name}_span": name for name, kind in layout.items() if kind == "tokens"}
    missing, extra = layout.keys() - drawn.keys(), drawn.keys() - layout.keys()
    require(not missing, f"{what} lacks {sorted(missing)}")
    extra -= {"present", *spans}
    require(not extra, f"{what} draws {sorted(extra)}, which layout does not name")
    for name, array in drawn.items():
        require(
            isinstance(array, np.ndarray) and array.dtype == np.float32,
            f"{what}: {name} is {getattr(array, 'dtype', type(array).__name__)}, not float32",
        )
        require(bool(np.isfinite(array).all()), f"{what}: {name} is not finite")
        if name == "present":
            require(array.shape == (grid.frames,), f"{what}: present is {array.shape}, want (T,)")
            require(bool(np.isin(array, (0, 1)).all()), f"{what}: present must be 0 or 1")
        elif name in spans:
            want = (len(drawn[spans[name]]), 2)
            require(array.shape == want, f"{what}: {name} is {array.shape}, want {want}")
        elif layout[name] == "vector":
            require(array.ndim == 1, f"{what}: {name} is {array.shape}, want (F,)")
        else:
            require(array.ndim == 2, f"{what}: {name} is {array.shape}, want two axes")
        if layout.get(name) == "frames":
            require(
                array.shape[1] == grid.frames,
                f"{what}: {name} has {array.shape[1]} frames, the grid {grid.frames}",
            )


def same_widths(case: StreamCase, drawn: Features, pattern: Features, what: str) -> None:
    """Raise ``AssertionError`` unless every array has as many features as ``pattern``'s."""
    for name, kind in case.cls.layout.items():
        axis = 1 if kind == "tokens" else 0
        width, want = drawn[name].shape[axis], pattern[name].shape[axis]
        require(width == want, f"{what}: {name} has {width} features, parse draws {want}")


def same(first: Features, second: Features, what: str) -> None:
    """Raise ``AssertionError`` unless two draws are the same bits."""
    require(first.keys() == second.keys(), f"{what}: the arrays differ")
    for name in first:
        require(np.array_equal(first[name], second[name]), f"{what}: {name} differs")
