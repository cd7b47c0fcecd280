"""Voice and music are laid beside each other: levels, ducking, hisses, a room."""

import numpy as np
import pytest

from muze.audio.loudness import loudness
from muze.core.errors import AudioError
from muze.core.grid import Audio
from muze.voice.effects import at_level, de_ess, duck, treat_voice
from muze.voice.plan import EffectsPlan

RATE = 32_000
T = np.arange(4 * RATE) / RATE


def audio(samples):
    return Audio(np.asarray(samples, np.float32)[None], RATE)


def tone(hertz=220.0, level=0.2, start=0.0, end=4.0):
    return level * np.sin(2 * np.pi * hertz * T) * ((start <= T) & (end > T))


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=float))))


@pytest.mark.parametrize("level", [-6.0, 0.0, 3.0])
def test_the_voice_is_as_much_louder_as_is_asked(level):
    voice, music = audio(tone(330, 0.01, 1, 2)), audio(tone(220, 0.3))
    made = at_level(voice, music, level)
    assert loudness(made) - loudness(music) == pytest.approx(level, abs=0.05)


def test_a_silent_voice_has_no_level():
    with pytest.raises(AudioError, match="the voice is silent"):
        at_level(audio(0 * T), audio(tone()), 0.0)


def test_music_gives_way_while_the_voice_sounds_and_comes_back():
    music = audio(tone())
    made = duck(music, audio(tone(330, 0.2, 1.5, 2.5)), 6.0).samples[0]
    before = music.samples[0]
    inside, far = slice(int(1.6 * RATE), int(2.4 * RATE)), slice(int(3.2 * RATE), None)
    assert 20 * np.log10(rms(made[inside]) / rms(before[inside])) == pytest.approx(-6, abs=0.1)
    assert np.array_equal(made[far], before[far])
    assert duck(music, audio(tone()), 0.0) is music


def test_hisses_are_held_down_and_vowels_left():
    noise = np.random.default_rng(0).standard_normal(len(T))
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(T), 1 / RATE) < 6000] = 0
    hiss = np.fft.irfft(spectrum, len(T)) * ((T >= 1) & (T < 1.2)) * 0.1
    samples = (tone(220, 0.2, 2, 3) + hiss).astype(np.float32)
    made = de_ess(samples, RATE, 8.0)
    inside = slice(int(1.03 * RATE), int(1.17 * RATE))
    assert 20 * np.log10(rms(made[inside]) / rms(samples[inside])) == pytest.approx(-8, abs=0.7)
    vowel = slice(int(2.2 * RATE), int(2.8 * RATE))
    assert np.abs(made[vowel] - samples[vowel]).max() < 1e-3
    assert de_ess(samples, RATE, 0.0) is samples


def test_a_room_rings_after_the_voice_and_none_does_not():
    pytest.importorskip("pedalboard")
    voice = audio(tone(220, 0.2, 1, 2))
    dry = treat_voice(voice, EffectsPlan(de_ess=0, reverb=0, duck=0)).samples[0]
    wet = treat_voice(voice, EffectsPlan(de_ess=0, reverb=0.5, duck=0)).samples[0]
    again = treat_voice(voice, EffectsPlan(de_ess=0, reverb=0.5, duck=0)).samples[0]
    after = slice(int(2.1 * RATE), int(2.4 * RATE))
    assert rms(dry[after]) < 1e-4 < 1e-3 < rms(wet[after])
    assert np.array_equal(wet, again)
    assert dry.shape == wet.shape == T.shape
