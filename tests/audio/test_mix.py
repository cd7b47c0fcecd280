import math
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from muze.audio import mix
from muze.audio.io import write_audio
from muze.audio.loudness import loudness
from muze.audio.mix import fade_out, limit, normalise, true_peak
from muze.core.errors import AudioError
from muze.core.grid import Audio

RATE = 32_000


def sine(hz, seconds=2.0, level=0.5, phase=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return Audio((level * np.sin(2 * np.pi * hz * t + phase)).astype(np.float32)[None], RATE)


def drums(level, seconds=4.0, seed=0):
    """Return noise bursts twice a second: far more peak than loudness."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = level * rng.uniform(-1, 1, t.size) * np.exp(-(t % 0.5) * 40)
    return Audio(wave.astype(np.float32)[None], RATE)


def noise(low, high, seconds=0.5, level=0.4, seed=0):
    """Return noise that has what lies between two frequencies, and nothing else."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(round(seconds * RATE)))
    hz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    wave = np.fft.irfft(np.where((hz >= low) & (hz <= high), spectrum, 0))
    return Audio((level * wave / np.abs(wave).max()).astype(np.float32)[None], RATE)


def burst(level=0.9):
    """Return white noise that begins and ends at once, up to half the rate."""
    t = np.arange(RATE // 2) / RATE
    wave = np.random.default_rng(0).uniform(-level, level, t.size) * ((t > 0.1) & (t < 0.4))
    return Audio(wave.astype(np.float32)[None], RATE)


def other_true_peak_db(samples):
    """Return the true peak, dBTP, by another oversampler, with a filter of 1200 taps a phase."""
    taps = signal.firwin(2 * 8 * 600 + 1, 1 / 8, window=("kaiser", 8.0))
    fine = signal.resample_poly(np.atleast_2d(samples).astype(float), 8, 1, axis=1, window=taps)
    return 20 * math.log10(np.abs(fine).max())


HIGH = {
    **{f"{hz} Hz": sine(hz, 0.5, phase=0.3) for hz in (13_000, 14_000, 14_500, 15_000, 15_500)},
    "13 to 15.5 kHz": noise(13_000, 15_500),
    "15 to 15.5 kHz": noise(15_000, 15_500),
    "up to 15.5 kHz": noise(20, 15_500),
    "a burst": burst(),
}


def test_silence_cannot_be_normalised():
    silent = Audio(np.zeros((1, RATE), np.float32), RATE)
    with pytest.raises(AudioError, match="silent"):
        normalise(silent, -14)


def test_the_true_peak_sees_between_the_samples():
    # a quarter of the rate, sampled 45 degrees off its peaks: samples reach .707, the wave 1
    tricky = sine(RATE / 4, level=1.0, phase=math.pi / 4)
    assert np.abs(tricky.samples).max() == pytest.approx(0.7071, abs=1e-3)
    assert true_peak(tricky) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("sound", HIGH)
def test_the_true_peak_of_what_is_high_is_what_another_oversampler_finds(sound):
    found_db = 20 * math.log10(true_peak(HIGH[sound]))
    assert found_db == pytest.approx(other_true_peak_db(HIGH[sound].samples), abs=0.1)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("sound", HIGH)
def test_a_written_file_is_under_the_ceiling_by_another_oversampler(tmp_path, sound, suffix):
    loud = Audio(4 * HIGH[sound].samples, RATE)
    for number, made in enumerate((limit(loud), normalise(loud, -6.0))):
        path = tmp_path / f"{number}{suffix}"
        write_audio(path, made)
        assert other_true_peak_db(soundfile.read(path)[0]) <= -0.9


def test_the_true_peak_is_the_highest_of_the_channels_however_short():
    assert true_peak(Audio(np.float32([[0.25], [-0.5]]), RATE)) == pytest.approx(0.5, rel=1e-5)


def test_what_is_under_the_ceiling_is_left_alone():
    quiet = sine(440, level=0.5)
    assert limit(quiet, -1.0) is quiet


@settings(max_examples=15, deadline=None)
@given(level=st.floats(0.5, 20), seed=st.integers(0, 1000), ceiling=st.floats(-12, -0.1))
def test_the_limiter_never_lets_a_true_peak_over_its_ceiling(level, seed, ceiling):
    limited = limit(drums(level, 1.0, seed), ceiling)
    assert true_peak(limited) <= 10 ** (ceiling / 20) * 1.0005


def test_the_limiter_leaves_what_is_far_from_a_peak_as_it_was():
    music = sine(440, 2.0, 0.2)
    music.samples[0, RATE] = 3.0
    limited = limit(music, -1.0)
    far = np.abs(np.arange(2 * RATE) - RATE) > 0.03 * RATE
    np.testing.assert_allclose(limited.samples[0, far], music.samples[0, far], rtol=1e-3)


@pytest.mark.parametrize("target", [-30.0, -23.0, -19.0])
def test_the_loudness_asked_for_is_reached_without_clipping(target):
    made = normalise(drums(0.3), target)
    assert loudness(made) == pytest.approx(target, abs=0.2)
    assert true_peak(made) <= 10 ** (-1 / 20) * 1.0005


def test_too_loud_a_wish_is_met_as_far_as_the_ceiling_lets_it():
    made = normalise(sine(440), 0.0)
    assert true_peak(made) <= 10 ** (-1 / 20) * 1.0005
    assert loudness(made) < 0.0


def test_in_pieces_a_sound_is_limited_as_the_whole(monkeypatch):
    loud = Audio(np.concatenate([drums(3.0).samples, drums(2.0, seed=1).samples]), RATE)
    before, peak, limited = loud.samples.copy(), true_peak(loud), limit(loud)
    monkeypatch.setattr(mix, "PIECE", 1000)
    assert true_peak(loud) == pytest.approx(peak, rel=1e-5)
    np.testing.assert_allclose(limit(loud).samples, limited.samples, atol=1e-6)
    np.testing.assert_array_equal(loud.samples, before)


def test_five_minutes_are_normalised_in_little_more_than_they_become():
    rng = np.random.default_rng(0)
    audio = Audio(rng.uniform(-0.1, 0.1, (1, 300 * 8000)).astype(np.float32), 8000)
    tracemalloc.start()
    normalise(audio, -30)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.8 * audio.samples.nbytes  # of which 1 is what is returned


def test_a_fade_ends_in_silence_and_begins_where_it_is_told():
    faded = fade_out(Audio(np.ones((2, RATE), np.float32), RATE), 0.25)
    assert faded.samples[:, -1].max() == pytest.approx(0, abs=1e-6)
    assert (faded.samples[:, : -RATE // 4] == 1).all()
    assert (np.diff(faded.samples[0]) <= 0).all()


def test_a_fade_longer_than_the_sound_fades_all_of_it():
    assert fade_out(sine(440, 0.1), 5.0).samples.shape == (1, RATE // 10)
    assert fade_out(sine(440, 0.1), 0.0).samples.shape == (1, RATE // 10)
