"""Vibrato and breaths of synthetic singing come back as they were sung."""

import numpy as np
import pytest

from muze.analysis.breaths import find_breaths
from muze.analysis.pitch import track_pitch
from muze.analysis.vibrato import WINDOW, find_vibrato, refine_pitch
from muze.core.grid import Audio, TimeGrid
from muze.testing import sounds
from muze.testing.singing import singing

PHRASE = [(57, 0.2, 1.9), (62, 2.0, 3.2), (69, 3.3, 4.8)]
TUNE = [(60, 1.0, 1.6), (62, 1.7, 2.4), (64, 2.9, 3.5), (65, 3.6, 4.6), (60, 5.2, 6.0)]


def measured(audio):
    grid = TimeGrid.of_song(audio.duration)
    hz, voiced = track_pitch(audio, grid)
    found = find_vibrato(refine_pitch(audio, hz, voiced, grid), voiced)
    swings = found.swings
    if not swings.any():
        return 0.0, 0.0, 0.0
    return (
        np.median(found.rate[swings]),
        np.median(found.depth[swings]),
        swings.sum() / voiced.sum(),
    )


def breaths(audio):
    grid = TimeGrid.of_song(audio.duration)
    return find_breaths(audio, track_pitch(audio, grid)[1], grid)


@pytest.mark.parametrize("depth", [15, 40, 80])
@pytest.mark.parametrize("rate", [4.0, 5.5, 7.5])
def test_vibrato_is_heard_as_it_is_sung(rate, depth):
    got = measured(singing(PHRASE, 5.0, rate=rate, depth=depth, hiss=0.002))
    assert got[0] == pytest.approx(rate, abs=0.05)
    assert got[1] == pytest.approx(depth, abs=2)
    assert got[2] > 0.75


def test_extent_is_the_share_that_swings():
    audio = singing([(60, 0.0, 2.0), (64, 2.1, 4.1)], 4.2, rate=5.5, depth=40, straight=1.0)
    rate, depth, extent = measured(audio)
    assert rate == pytest.approx(5.5, abs=0.1)
    assert depth == pytest.approx(40, abs=4)
    assert extent == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    "audio",
    [
        singing(PHRASE, 5.0, hiss=0.002),
        singing([(60 + i % 5, 0.2 * i, 0.2 * i + 0.2) for i in range(20)], 4.0),
        sounds.chords(["C", "Am"], 2.0),
        sounds.noise(4.0),
        sounds.silence(4.0),
    ],
    ids=["straight", "quick notes", "chords", "noise", "silence"],
)
def test_where_nothing_swings_there_is_no_vibrato(audio):
    assert measured(audio) == (0, 0, 0)


def test_depth_is_the_amplitude_of_the_sine():
    t = np.arange(300) / 100
    hz = 220 * 2 ** (30 * np.sin(2 * np.pi * 6.0 * t) / 1200 + t / 12)  # over a glide
    found = find_vibrato(hz, np.ones(300, bool))
    assert found.swings.all()
    np.testing.assert_allclose(found.rate, 6.0, atol=0.02)
    np.testing.assert_allclose(found.depth, 30, atol=0.5)


def test_a_pitch_shorter_than_a_window_has_no_vibrato():
    for frames in (0, 1, WINDOW - 1):
        found = find_vibrato(np.full(frames, 220.0), np.ones(frames, bool))
        assert len(found.rate) == frames
        assert not found.swings.any()


def test_refining_undoes_the_bins_of_a_tracker():
    audio, grid = singing([(69, 0.0, 2.0)], 2.0, rate=5.5, depth=20), TimeGrid.of_song(2.0)
    true = 440 * 2 ** (20 * np.sin(2 * np.pi * 5.5 * grid.seconds) / 1200)
    refined = refine_pitch(audio, np.full(200, 442.0), np.ones(200, bool), grid)
    assert np.abs(1200 * np.log2(refined / true))[10:-10].max() < 2


def test_what_is_too_far_off_is_not_refined():
    audio, grid = sounds.sine(470.0, 1.0), TimeGrid.of_song(1.0)  # 114 cents above
    voiced = np.ones(100, bool)
    np.testing.assert_array_equal(refine_pitch(audio, np.full(100, 440.0), voiced, grid), 440)
    silent = np.zeros(100)
    np.testing.assert_array_equal(refine_pitch(audio, silent, ~voiced, grid), silent)


@pytest.mark.parametrize("hiss", [0.0, 0.003])
@pytest.mark.parametrize(("length", "level"), [(0.12, 0.03), (0.3, 0.015), (0.45, 0.1)])
def test_breaths_are_heard_where_they_begin(length, level, hiss):
    true = [0.5, 2.42, 4.65]
    audio = singing(
        TUNE, 6.5, breaths=true, breath_length=length, breath_level=level, hiss=hiss, depth=30
    )
    assert breaths(audio) == pytest.approx(true, abs=0.05)


@pytest.mark.parametrize(
    "audio",
    [
        singing(TUNE, 6.5, hiss=0.003),
        singing(TUNE, 6.5),
        sounds.silence(3.0),
        sounds.noise(3.0, 0.01),
        sounds.noise(3.0),
        sounds.clicks([0.5, 1.0, 1.5], 3.0),
        sounds.chords(["C", "F"], 1.5),
    ],
    ids=["singing over hiss", "singing", "silence", "hiss", "noise", "clicks", "chords"],
)
def test_nothing_else_is_a_breath(audio):
    assert len(breaths(audio)) == 0


def test_noise_without_a_voice_and_struck_noise_are_no_breaths():
    alone = singing([], 3.0, breaths=[1.0])
    assert len(breaths(alone)) == 0
    struck = singing(TUNE, 6.5)
    samples = struck.samples.copy()
    rng = np.random.default_rng(0)
    burst = 0.1 * rng.standard_normal(9600) * np.exp(-np.arange(9600) / 2000)
    samples[0, 80000:89600] += burst.astype(np.float32)
    assert len(breaths(Audio(samples, struck.sample_rate))) == 0


def test_breaths_are_told_in_seconds_of_the_song():
    audio = singing(TUNE, 6.5, breaths=[2.42])
    grid = TimeGrid.of_song(60.0).window(2000, 650)
    found = find_breaths(audio, track_pitch(audio, grid)[1], grid)
    assert found == pytest.approx([22.42], abs=0.03)
