"""What every stream must do to draw features, from values and from sound."""

from __future__ import annotations

import numpy as np

from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import hears
from muze.testing import sounds
from muze.testing.settings import require
from muze.testing.streams import (
    LATER,
    OTHER_SONG,
    SONG,
    SOONER,
    StreamCase,
    follows_layout,
    material,
    same,
    same_widths,
)


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
    for audio in (sounds.chords(["C"], 0.1), _tone(0.1, 44100)):
        _hears(case, audio, SONG.window(200, 10), f"extract(0.1 s at {audio.sample_rate} Hz)")


def check_extreme_sound(case: StreamCase) -> None:
    """Extract copes with a single frame, and with the loudest, faintest and oddest sound."""
    _hears(case, sounds.noise(0.01), SONG.window(200, 1), "extract(one frame)")
    second = SONG.window(200, 100)
    square = np.sign(sounds.sine(110, 1.0).samples)
    for what, audio in {
        "a square wave at full scale": Audio(square, sounds.SAMPLE_RATE),
        "a constant": Audio(np.full_like(square, 0.5), sounds.SAMPLE_RATE),
        "noise at -140 dB": sounds.noise(1.0, 1e-7),
        "six channels": Audio(np.repeat(0.5 * square, 6, axis=0), sounds.SAMPLE_RATE),
        "8000 Hz": _tone(1.0, 8000),
        "96000 Hz": _tone(1.0, 96000),
    }.items():
        _hears(case, audio, second, f"extract({what})")


def check_time_shift(case: StreamCase) -> None:
    """The same sound later in a song is heard the same, and its tokens lie later."""
    differing = ("noise", "chords", "clicks")
    if all(_equal(case.heard["silence"], case.heard[name]) for name in differing):
        return  # what it draws is the grid's, not the sound's
    for name in ("chords", "clicks"):
        audio = material()[name]
        sooner, later = (case.stream.extract(audio, grid) for grid in (SOONER, LATER))
        for array in sooner.keys() & later.keys():
            moved = LATER.start - SOONER.start if array.endswith("_span") else 0.0
            first, second = sooner[array], later[array] - moved
            require(
                first.shape == second.shape and np.allclose(first, second, atol=2e-3),
                f"extract({name}): {array} changes where the sound lies later in the song; "
                "grid.start is where the first sample is",
            )


def _hears(case: StreamCase, audio: Audio, grid: TimeGrid, what: str) -> None:
    heard = case.stream.extract(audio, grid)
    follows_layout(case, heard, grid, what)
    same_widths(case, heard, case.parsed[0], what)


def _equal(first: Features, second: Features) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def _tone(duration: float, sample_rate: int) -> Audio:
    t = np.arange(round(duration * sample_rate)) / sample_rate
    samples = 0.5 * np.sin(2 * np.pi * 440 * t)
    return Audio(samples.astype(np.float32)[None], sample_rate)


CHECKS = (
    check_parse,
    check_extract,
    check_extract_short,
    check_extreme_sound,
    check_time_shift,
)
