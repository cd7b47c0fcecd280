import math
import tracemalloc

import numpy as np
import pyloudnorm
import pytest

from muze.audio import loudness as module
from muze.audio.loudness import energy_until, loudness
from muze.core.grid import Audio
from muze.testing.sounds import noise, sine

RATE = 32_000


def swelling(seconds, channels=1, rate=RATE):
    """Noise whose level rises by 80 dB, so that both gates shut out some of it."""
    size = channels, round(seconds * rate)
    level = 10 ** np.linspace(-4, 0, size[1])
    share = 1 / np.arange(1, channels + 1)[:, None]
    made = share * level * np.random.default_rng(0).uniform(-1, 1, size)
    return Audio(made.astype(np.float32), rate)


def test_a_997_hz_sine_at_full_scale_measures_minus_3_lufs():
    # the calibration tone of BS.1770: 0 dBFS in one channel is -3.01 LKFS
    assert loudness(sine(997, 5.0, 1.0)) == pytest.approx(-3.01, abs=0.05)


def test_silence_is_infinitely_quiet_and_so_is_what_the_absolute_gate_shuts_out():
    assert loudness(Audio(np.zeros((1, RATE), np.float32), RATE)) == -math.inf
    assert loudness(sine(997, 2.0, 1e-4)) == -math.inf
    assert loudness(sine(997, 2.0, 1e-3)) == pytest.approx(-63.01, abs=0.05)


def test_a_sound_shorter_than_the_measure_s_block_is_measured():
    assert loudness(sine(997, 0.2, 1.0)) == pytest.approx(-3.01, abs=0.2)


@pytest.mark.parametrize("seconds", [0.4, 0.449, 0.451, 3.3333, 25.0])
@pytest.mark.parametrize(("channels", "rate"), [(1, RATE), (2, 44_100), (5, 8000)])
def test_it_is_what_pyloudnorm_measures(seconds, channels, rate):
    audio = swelling(seconds, channels, rate)
    theirs = pyloudnorm.Meter(rate).integrated_loudness(audio.samples.T.astype(float))
    assert loudness(audio) == pytest.approx(theirs, abs=1e-3)


def test_energy_in_pieces_is_that_of_the_whole(monkeypatch):
    audio, edges = swelling(2.0, 2), np.linspace(-10, 2.1 * RATE, 99)
    whole = energy_until(audio, edges)
    monkeypatch.setattr(module, "PIECE", 777)
    np.testing.assert_allclose(energy_until(audio, edges), whole, rtol=1e-12)
    assert (whole[0], whole[-1]) == (0, whole.max())


def test_five_minutes_are_measured_in_a_few_megabytes():
    audio = noise(300.0)
    loudness(noise(0.1))  # what is imported does not count
    tracemalloc.start()
    loudness(audio)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.2 * audio.samples.nbytes
