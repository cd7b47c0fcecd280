"""What every stream must do to draw features: from values, from sound, from a record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from muze.core.grid import Audio, Features, SectionSpan, TempoMark, TimeGrid
from muze.core.protocols import Score, Stream, hears
from muze.testing import sounds
from muze.testing.settings import (
    check_config,
    check_light_import,
    refusal,
    refuses_unknown_keys,
    require,
)

SECTIONS = (SectionSpan("verse", 0.0, 4.0), SectionSpan("chorus", 4.0, 8.0))
SONG = TimeGrid.of_song(8.0, 120.0, sections=SECTIONS)
OTHER_SONG = TimeGrid.of_song(
    8.0,
    (TempoMark(0, 90), TempoMark(6, 150)),
    sections=(SectionSpan("intro", 0.0, 5.0), SectionSpan("outro", 5.0, 8.0)),
    first_beat=0.3,
)
LATER = TimeGrid.of_song(24.0, 120.0).window(1200, SONG.frames)


class StreamCase:
    """A stream under test, with features drawn from its own examples and from sound."""

    def __init__(self, component: type[Stream]) -> None:
        self.cls = component

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


def check_examples(case: StreamCase) -> None:
    """Values gives examples, valid as a manifest is read, and refuses what is no number or key."""
    values = case.cls.Values
    for example in case.examples:
        values(**example)
        refuses_unknown_keys(values, example)
        fault = refusal(values, example)
        require(fault is None, f"{example} is refused by JSON's strict rules: {fault}")
        for endless in _endless(example):
            require(
                refusal(values, endless) is not None,
                f"Values takes {endless}; derive it from muze.core.settings.Settings, which "
                "refuses what is not finite",
            )


def check_declarations(case: StreamCase) -> None:
    """What the class says of itself is of the right kind."""
    cls = case.cls
    fields = cls.Values.model_fields
    require(
        cls.primary in fields,
        f"primary is {cls.primary!r}; it must be a field of Values: {', '.join(fields)}",
    )
    require(
        isinstance(cls.feature_version, int) and cls.feature_version >= 1,
        f"feature_version is {cls.feature_version!r}; it must be a whole number from 1",
    )
    require(bool(cls.extractor), "extractor must tell what extract listens with")
    flag = getattr(cls, "hears", True)
    require(isinstance(flag, bool), f"hears is {flag!r}; it must be True or False")
    require(
        isinstance(cls.guidance, (int, float)) and cls.guidance >= 0,
        f"guidance is {cls.guidance!r}; it must be a weight of at least 0",
    )
    require(bool(cls.layout), "layout names no array")
    odd = {kind for kind in cls.layout.values() if kind not in ("frames", "vector", "tokens")}
    require(not odd, f"layout has {odd}; the kinds are frames, vector and tokens")


def check_parse(case: StreamCase) -> None:
    """Parse draws what layout says on any grid, the same each time."""
    for example in case.examples:
        drawn = case.parse(example)
        same(drawn, case.parse(example), f"parse({example}) twice")
        for grid in (SONG, SONG.window(0, 1), SONG.window(137, 64), OTHER_SONG):
            follows_layout(case, case.parse(example, grid), grid, f"parse({example})")


def check_extract(case: StreamCase) -> None:
    """Extract draws the arrays parse draws from any sound, the same each time, and changes none."""
    pattern = case.parsed[0]
    for name, audio in material().items():
        heard, before = case.heard[name], audio.samples.copy()
        follows_layout(case, heard, SONG, f"extract({name})")
        same_widths(case, heard, pattern, f"extract({name})")
        same(heard, case.stream.extract(audio, SONG), f"extract({name}) twice")
        untouched = np.array_equal(audio.samples, before)
        require(untouched, f"extract({name}) changes the sound, which others are to hear and keep")
    spoken = any(heard.get("present", np.ones(1)).any() for heard in case.heard.values())
    require(
        spoken or not hears(case.cls),
        "extract hears nothing in any sound; declare hears = False, so that no song asks it to",
    )


def check_extract_short(case: StreamCase) -> None:
    """Extract copes with a tenth of a second, in the middle of a song and at another rate."""
    grid = SONG.window(200, 10)
    for audio in (sounds.chords(["C"], 0.1), _at_44100(0.1)):
        heard = case.stream.extract(audio, grid)
        follows_layout(case, heard, grid, f"extract(0.1 s at {audio.sample_rate} Hz)")
        same_widths(case, heard, case.parsed[0], "extract(0.1 s)")


def check_record(case: StreamCase) -> None:
    """What fields writes into a track's record, recall reads back."""
    for drawn in [*case.parsed, case.heard["chords"]]:
        written = case.stream.fields(drawn, SONG)
        try:
            record = json.loads(json.dumps(written))
        except TypeError as fault:
            raise AssertionError(f"fields gives what JSON cannot hold: {fault}") from None
        recalled = case.stream.recall({"audio_path": "check.wav", **record}, SONG)
        if recalled is None:
            continue
        follows_layout(case, recalled, SONG, "recall")
        same_widths(case, recalled, drawn, "recall")
        again = json.loads(json.dumps(case.stream.fields(recalled, SONG)))
        require(
            _close(record, again),
            f"fields wrote {_short(record)}; recalled and written again it is {_short(again)}",
        )


def check_recall_window(case: StreamCase) -> None:
    """A window of a track recalls what the whole track recalls there."""
    first, frames = 137, 300
    window = SONG.window(first, frames)
    for drawn in [*case.parsed, *case.heard.values()]:
        record = {"audio_path": "check.wav", **case.stream.fields(drawn, SONG)}
        whole, part = (case.stream.recall(record, grid) for grid in (SONG, window))
        require(
            (whole is None) == (part is None),
            "recall speaks of the song or of its window, not both",
        )
        if whole is None or part is None:
            continue
        follows_layout(case, part, window, "recall of a window")
        for name, kind in case.cls.layout.items():
            if kind == "frames":
                cut = whole[name][:, first : first + frames]
                require(
                    np.allclose(cut, part[name], atol=1e-4),
                    f"{name} recalled on a window differs from the same frames of the song",
                )


def check_score(case: StreamCase) -> None:
    """Score gives finite figures, and no render scores better than exactly what was asked."""
    asked = case.parsed[0]
    perfect = {score.name: score for score in _scores(case, asked, asked)}
    for other in [*case.varied[1:], *case.heard.values()]:
        for score in _scores(case, asked, other):
            best = perfect.get(score.name)
            if best is None:
                continue
            sign = 1 if score.higher_is_better else -1
            require(
                sign * score.value <= sign * best.value + 1e-6,
                f"{score.name} is {best.value} for what was asked, but {score.value} for another",
            )


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


def _at_44100(duration: float) -> Audio:
    t = np.arange(round(duration * 44100)) / 44100
    samples = 0.5 * np.sin(2 * np.pi * 440 * t)
    return Audio(samples.astype(np.float32)[None], 44100)


def _scores(case: StreamCase, asked: Features, heard: Features) -> list[Score]:
    scores = case.stream.score(asked, heard, SONG)
    for score in scores:
        require(isinstance(score, Score), f"score gives {score!r}, not a Score")
        require(math.isfinite(score.value), f"score gives {score.name} {score.value}")
    names = [score.name for score in scores]
    require(len(set(names)) == len(names), f"score gives a name twice: {names}")
    return scores


def _endless(told: Any) -> Iterator[Any]:
    """Yield an example with each of its numbers replaced by what is not finite."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from ({**told, key: other} for other in _endless(value))
    elif isinstance(told, list):
        for index, value in enumerate(told):
            yield from ([*told[:index], other, *told[index + 1 :]] for other in _endless(value))
    elif isinstance(told, (int, float)) and not isinstance(told, bool):
        yield from (math.inf, -math.inf, math.nan)


def _close(first: Any, second: Any) -> bool:
    """Equal but for the rounding of numbers: 1 %, or two frames of 10 ms."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_close(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_close, first, second))
    if isinstance(first, float) or isinstance(second, float):
        return math.isclose(first, second, rel_tol=0.01, abs_tol=0.02)
    return bool(first == second)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


CHECKS = (
    check_examples,
    check_declarations,
    check_config,
    check_light_import,
    check_parse,
    check_extract,
    check_extract_short,
    check_record,
    check_recall_window,
    check_score,
)
