import io

import numpy as np
import pytest

from muze.audio.mel import log_mel_array
from muze.core.mel import MelSettings
from muze.evaluation.overlay import band_of, draw_overlay


def test_a_pitch_lies_on_the_band_that_hears_it():
    settings = MelSettings()
    for hz in (440.0, 1760.0):
        tone = np.sin(2 * np.pi * hz * np.arange(32000) / 32000).astype(np.float32)
        loudest = log_mel_array(tone, settings)[:, 40:60].mean(axis=1).argmax()
        assert band_of(np.asarray([hz]), settings)[0] == pytest.approx(loudest, abs=1)
    assert np.isnan(band_of(np.asarray([0.0]), settings)).all()


def test_a_picture_is_drawn_with_all_or_nothing_to_lay_over(right):
    from PIL import Image

    asked = {
        "chords": [{"chord": "C", "start": 0, "end": 2}, {"chord": "$x^", "start": 2, "end": 8}],
        "segments": [{"type": "verse", "start": 0.0, "end": 8.0}],
        "beat_positions": [0.0, 0.5], "downbeat_positions": [0.0],
        "f0_contour": [440.0] * 400 + [0.0] * 400,
    }  # fmt: skip
    full, bare = (draw_overlay(right, told, {}, "a $title^") for told in (asked, {}))
    assert Image.open(io.BytesIO(full)).size == Image.open(io.BytesIO(bare)).size
    assert full != bare
