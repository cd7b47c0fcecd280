"""The foreground separator takes the harmonics of a voice out of a mix, and adds nothing."""

import numpy as np
import pytest

from muze.audio.io import resample
from muze.core.grid import Audio
from muze.plugins.separators import foreground
from muze.plugins.separators.foreground import ForegroundSeparator
from muze.testing import separator_checks, sounds
from muze.testing.singing import singing

NOTES = [(64, 0.2, 1.0), (67, 1.2, 2.0), (62, 2.1, 2.9), (69, 3.0, 3.8)]


@pytest.fixture(scope="module")
def voice():
    """Four seconds of singing."""
    return singing(NOTES, 4.0, depth=40).samples


@pytest.fixture(scope="module")
def band(voice):
    """Chords as loud as it."""
    chords = sounds.chords(["C", "Am", "F", "G"], 1.0).samples
    return chords * np.sqrt((voice**2).mean() / (chords**2).mean())


def separate(samples, rate=sounds.SAMPLE_RATE, **settings):
    separator = ForegroundSeparator(ForegroundSeparator.Config(**settings))
    return separator.separate(Audio(samples.astype(np.float32), rate))


def decibels(voice, heard):
    """How far the voice is above what is beside it, a change of level let be (SI-SDR)."""
    target = (heard * voice).sum() / (voice**2).sum() * voice
    return 10 * np.log10((target**2).sum() / ((heard - target) ** 2).sum())


@separator_checks("foreground")
def test_foreground_conforms(check):
    check()


def test_a_voice_is_taken_out_of_chords(voice, band):
    stems = separate(voice + band)
    assert abs(decibels(voice, voice + band)) < 0.5
    assert decibels(voice, stems["vocals"].samples) > 8
    assert decibels(band, stems["accompaniment"].samples) > 5


def test_the_stems_add_up_to_the_mix(voice, band):
    stems = separate(voice + band)
    assert list(stems) == ["vocals", "accompaniment"]
    total = stems["vocals"].samples + stems["accompaniment"].samples
    np.testing.assert_allclose(total, voice + band, atol=1e-6)


def test_a_voice_alone_stays_whole_and_noise_goes_elsewhere(voice):
    assert decibels(voice, separate(voice)["vocals"].samples) > 15
    noise = sounds.noise(2.0).samples
    assert (separate(noise)["vocals"].samples ** 2).sum() < 0.01 * (noise**2).sum()


def test_only_pitches_of_the_range_are_looked_for(voice):
    left = separate(voice, lowest=500.0)["accompaniment"].samples
    assert (left**2).sum() > 0.5 * (voice**2).sum()


def test_channels_keep_their_levels(voice):
    vocals = separate(np.concatenate([voice, 0.25 * voice]))["vocals"].samples
    np.testing.assert_allclose(vocals[1], 0.25 * vocals[0], atol=1e-6)


def test_another_rate_gives_the_same_voice(voice, band):
    mix = resample(Audio(voice + band, sounds.SAMPLE_RATE), 44100)
    vocals = resample(separate(mix.samples, 44100)["vocals"], sounds.SAMPLE_RATE).samples
    assert decibels(separate(voice + band)["vocals"].samples, vocals) > 25


def test_a_song_in_pieces_is_the_song_at_once(voice, band, monkeypatch):
    whole = separate(voice + band)["vocals"].samples
    monkeypatch.setattr(foreground, "PIECE", 0.7)
    np.testing.assert_allclose(separate(voice + band)["vocals"].samples, whole, atol=1e-6)
