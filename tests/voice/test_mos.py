"""What DNSMOS thinks of a voice: that of the package it is from, whose network is run here."""

import importlib.util

import numpy as np
import pytest

from muze.core.grid import Audio
from muze.voice import mos

HERE = importlib.util.find_spec("speechmos") is not None
RATE = 16_000


def noisy(seconds=4.0, level=0.1):
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.skipif(not HERE, reason="speechmos is not installed")
def test_it_is_what_its_package_tells():
    """Of one window: of more its package leaves out some, whose lengths it rounds down."""
    dnsmos = pytest.importorskip("speechmos.dnsmos")
    for seconds in (4.505, 9.01):
        samples = noisy(seconds).clip(-1, 1)
        told = float(dnsmos.run(samples, RATE)["ovrl_mos"])
        assert mos.mean_opinion(Audio(samples[None], RATE)) == pytest.approx(told, abs=1e-4)


@pytest.mark.skipif(not HERE, reason="speechmos is not installed")
def test_noise_is_no_good_voice():
    (row,) = mos.mos_scores(Audio(noisy()[None], RATE), [(0.5, 3.5)])
    assert 1 <= row.value < 2
    assert (row.name, row.unit) == ("vocal MOS (DNSMOS OVRL)", "of 5")
    assert "speechmos 0.0.1.1" in row.heard_by


def test_rests_are_left_out():
    samples = np.arange(10 * RATE, dtype=np.float32)[None]
    kept = mos.sung(Audio(samples, RATE), [(0.1, 1.0), (1.2, 2.0), (8.0, 8.5)]).samples
    seconds = kept[0, [0, -1]] / RATE
    assert seconds == pytest.approx([0, 8.75], abs=1e-3)
    assert kept.shape[1] == round((2.25 + 1.0) * RATE)


def test_where_it_is_not_installed_that_is_told(monkeypatch):
    monkeypatch.setattr(mos.importlib.util, "find_spec", lambda name: None)
    (row,) = mos.mos_scores(Audio(noisy()[None], RATE), [(0.5, 3.5)])
    assert row.value is None
    assert "pip install 'muze[mos]'" in row.reason


def test_of_a_voice_that_is_silent_where_it_should_sing_nothing_is_told():
    for spans in ([(1.0, 2.0)], [(10.0, 12.0)]):  # in rests, and after its end
        silent = Audio(np.zeros((1, 4 * RATE), np.float32), RATE)
        (row,) = mos.mos_scores(silent, spans)
        assert (row.value, row.reason) == (None, "the voice is silent where it should sing")
