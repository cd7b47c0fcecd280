"""Synthetic sounds are what they say."""

import numpy as np
import pytest

from muze.testing import sounds


def peak_hz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * sounds.SAMPLE_RATE / len(samples)


def test_clicks_start_on_time_and_accents_are_louder():
    audio = sounds.clicks([0.5, 1.0], 1.5, accents=[1.0])
    loud = np.abs(audio.samples[0])
    assert not loud[:16000].any()
    assert loud[16000:16100].max() == pytest.approx(loud[32000:32100].max() / 2, rel=0.1)


def test_a_melody_has_its_notes_and_rests():
    audio = sounds.melody([69, None, 81], 0.5)
    first, rest, last = np.split(audio.samples[0], 3)
    assert peak_hz(first) == pytest.approx(440, abs=2)
    assert not rest.any()
    assert peak_hz(last) == pytest.approx(880, abs=2)


def test_chords_sound_their_tones_over_their_bass():
    audio = sounds.chords(["Am", "N", "C/E"], 1.0)
    first, none, last = np.split(audio.samples[0], 3)
    assert not none.any()
    for part, notes in ((first, (45, 60, 64, 69)), (last, (40, 60, 64, 67))):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        for note in notes:
            around = round(sounds.midi_to_hz(note))
            assert spectrum[around - 2 : around + 3].max() > 0.1 * spectrum.max()


def test_noise_has_its_level_and_silence_none():
    assert sounds.noise(1.0, level=0.1).samples.std() == pytest.approx(0.1, rel=0.02)
    assert not sounds.silence(1.0).samples.any()
