"""Vibrato and breaths of a known voice are measured against what was asked."""

from types import SimpleNamespace

import numpy as np
import pytest

from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.voice.breath_noise import breath_sound
from muze.voice.ornaments import breath_scores, swinging, vibrato_scores
from muze.voice.plan import VibratoPlan
from muze.voice.score import SungNote

RATE = 32_000
GRID = TimeGrid.of_song(5.0, 120.0)
NOTES = (SungNote(57, 0.5, 2.0), SungNote(60, 3.0, 4.5), SungNote(62, 4.5, 4.8))
PHRASES = [SimpleNamespace(notes=NOTES)]


@pytest.fixture(scope="module")
def registry():
    return Registry()


def voice(rate=5.5, depth=30.0):
    """Return tones of ten harmonics on the notes, swinging from a quarter of a second on."""
    t = np.arange(round(GRID.duration * RATE)) / RATE
    cents, loud = np.full(len(t), 5700.0), np.zeros(len(t))
    for note in NOTES:
        inside = (t >= note.start) & (t < note.end)
        since = t[inside] - note.start - 0.25
        swing = np.where(since > 0, np.sin(2 * np.pi * rate * since), 0)
        cents[inside] = 100 * note.pitch + depth * swing
        loud[inside] = np.minimum(
            1, np.minimum(t[inside] - note.start, note.end - t[inside]) / 0.02
        )
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((cents - 6900) / 1200)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 11))
    return Audio((0.2 * loud * sound).astype(np.float32)[None], RATE)


def figures(scores):
    return {score.name: score for score in scores}


def test_a_vibrato_is_measured_on_the_notes_that_are_held(registry):
    assert swinging(PHRASES, None) == [(0.75, 2.0), (3.25, 4.5)]
    assert swinging(PHRASES, 0.5) == [(1.25, 2.0), (3.75, 4.5)]
    right = figures(
        vibrato_scores(voice(), VibratoPlan(rate=5.5, depth=30), PHRASES, GRID, registry)
    )
    assert right["vibrato rate error"].value < 0.3
    assert right["vibrato depth error"].value < 5
    other = figures(vibrato_scores(voice(), VibratoPlan(rate=7, depth=60), PHRASES, GRID, registry))
    assert other["vibrato rate error"].value == pytest.approx(1.5, abs=0.3)
    assert other["vibrato depth error"].value == pytest.approx(30, abs=5)


def test_a_vibrato_that_is_not_heard_has_no_rate_and_no_depth(registry):
    still = voice(depth=0)
    asked = figures(vibrato_scores(still, VibratoPlan(rate=5.5, depth=30), PHRASES, GRID, registry))
    assert asked["vibrato depth error"].value == 30
    rate = asked["vibrato rate error"]
    assert (rate.value, rate.reason) == (None, "no vibrato is heard")
    none = figures(vibrato_scores(still, VibratoPlan(rate=5.5, depth=0), PHRASES, GRID, registry))
    assert list(none) == ["vibrato depth error"]
    assert none["vibrato depth error"].value == 0
    short = [SimpleNamespace(notes=NOTES[2:])]
    (told,) = vibrato_scores(still, VibratoPlan(rate=5.5, depth=30), short, GRID, registry)
    assert (told.value, "no note swings for 0.7 s" in told.reason) == (None, True)


def test_a_breath_is_heard_where_it_is_taken_and_nowhere_else(registry):
    sound = voice(depth=0)
    rms = float(np.sqrt((sound.samples**2).mean()))
    breath = breath_sound(rms, RATE, 1)
    sound.samples[0, round(2.6 * RATE) :][: len(breath)] += breath
    (right,) = breath_scores(sound, [2.6], GRID, registry)
    assert right.value == 1
    assert 0 < right.floor < 0.2
    (late,) = breath_scores(sound, [2.0], GRID, registry)
    assert late.value == 0
    (none,) = breath_scores(voice(depth=0), [], GRID, registry)
    assert none.value == 1
