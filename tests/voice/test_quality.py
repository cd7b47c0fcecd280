"""What is wrong with a recording of a voice is told with its figures, and only that."""

from contextlib import nullcontext

import numpy as np
import pytest

from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.voice.quality import reference_quality

RATE = 16_000


class Listener:
    """A voice stream that tells speakers apart by which of two notes is loudest."""

    class Config:
        def __init__(self, ecapa):
            pass

    def __init__(self, config):
        pass

    def extract(self, audio, grid):
        spectrum = np.abs(np.fft.rfft(audio.mono * np.hanning(audio.samples.shape[1])))
        hertz = np.fft.rfftfreq(audio.samples.shape[1], 1 / RATE)
        low = spectrum[(hertz > 120) & (hertz < 180)].sum()
        high = spectrum[(hertz > 220) & (hertz < 300)].sum()
        found = np.zeros(256, np.float32)
        found[0], found[1] = low / np.hypot(low, high), high / np.hypot(low, high)
        return {"resemblyzer": found, "given": np.array([1, 0])}


class Deaf(Listener):
    def extract(self, audio, grid):
        raise NotInstalledError('stream voice needs resemblyzer: pip install "muze[voice]"')


class Ears:
    """A registry with muze's own separator and a listener of ours."""

    def __init__(self, listener=Listener):
        self.listener, self.real = listener, Registry()

    def get(self, kind, name):
        return self.listener if kind == "stream" else self.real.get(kind, name)

    def blame(self, name, doing):
        return nullcontext()


def voice(seconds=12.0, hertz=150.0, level=0.3):
    """Syllables: harmonics that fall off, gliding, with pauses between them."""
    t = np.arange(round(seconds * RATE)) / RATE
    f0 = hertz * (1 + 0.06 * np.sin(2 * np.pi * 0.7 * t))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = sum(np.sin(k * phase) / k**1.5 for k in range(1, 16))
    loud = np.clip(1.6 * np.sin(2 * np.pi * 1.5 * t), 0, 1)  # silent half of the time
    return (level * wave * loud / 2).astype(np.float32)


def noise(count, decibels, of):
    made = np.random.default_rng(0).standard_normal(count)
    return made * np.sqrt((of**2).mean() / (made**2).mean()) * 10 ** (decibels / 20)


def quality(samples, ears=None):
    return reference_quality(Audio(samples.astype(np.float32)[None], RATE), ears or Ears())


def test_of_a_good_recording_nothing_is_told():
    found = quality(voice())
    assert (found.warnings, found.errors) == ((), ())
    assert found.seconds == 12
    assert found.snr_db > 30
    assert found.music_db < -20
    assert found.embedding[0] > 0.9
    assert found.clipped == 0


@pytest.mark.parametrize(
    ("samples", "told"),
    [(voice(2.9), "lasts 2.9 s; 3 s at least tell a voice"),
     (np.zeros(12 * RATE), "is silent: its peak is nothing at all"),
     (voice(12.0, level=5e-5), "is silent: its peak is -91 dBFS")],
)  # fmt: skip
def test_of_what_tells_no_voice_no_voice_is_made(samples, told):
    (error,) = quality(samples).errors
    assert error.startswith(told)


def test_a_short_one_is_told():
    assert quality(voice(5.0)).warnings == ("lasts 5.0 s; 10 s and more tell a voice better",)


@pytest.mark.parametrize("decibels", [-15.0, -5.0])
def test_noise_is_told_with_its_level(decibels):
    clean = voice()
    found = quality(clean + noise(len(clean), decibels, clean))
    (told,) = found.warnings
    assert told.startswith("is noisy: the voice is ")
    # the voice and the noise over the noise
    expected = 10 * np.log10(1 + 10 ** (-decibels / 10))
    assert found.snr_db == pytest.approx(expected, abs=1.5)


def test_a_little_noise_is_none():
    clean = voice()
    assert quality(clean + noise(len(clean), -35.0, clean)).warnings == ()


def test_hum_is_noise_and_no_music():
    clean, t = voice(), np.arange(12 * RATE) / RATE
    (told,) = quality(clean + 0.05 * np.sin(2 * np.pi * 50 * t)).warnings
    assert told.startswith("is noisy")


def test_music_under_the_voice_is_told():
    clean, t = voice(), np.arange(12 * RATE) / RATE
    chord = [(262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294)]
    tones = np.zeros(len(t))
    for number, notes in enumerate(chord):
        here = (t >= 3 * number) & (t < 3 * number + 3)
        tones[here] += sum(np.sin(2 * np.pi * hz * t[here]) for hz in notes)
    tones *= np.sqrt((clean**2).mean() / (tones**2).mean())
    found = quality(clean + tones)
    told = " ".join(found.warnings)
    assert "has music or other tones under the voice" in told
    assert "noisy" not in told
    assert found.music_db > -16


def test_clipping_is_told_with_its_share():
    found = quality(np.clip(5 * voice(), -0.5, 0.5))
    (told,) = found.warnings
    assert told.startswith(f"is clipped: {found.clipped:.2%} of it lies on a cut peak")
    assert found.clipped > 0.01


@pytest.mark.parametrize(("level", "word"), [(0.003, "soft"), (1.6, "loud")])
def test_a_wrong_level_is_told(level, word):
    samples = voice(level=level)
    samples = np.tanh(3 * samples) * 0.99 if word == "loud" else samples
    assert any(f"is very {word}: " in told for told in quality(samples).warnings)


def test_two_speakers_are_told():
    both = np.concatenate([voice(8.0, 150.0), voice(4.0, 260.0)])
    (told,) = quality(both).warnings
    assert told.startswith("seems to hold more than one speaker: ")
    assert quality(voice(12.0, 260.0)).warnings == ()


def test_where_nobody_listens_for_speakers_it_is_told():
    found = quality(voice(), Ears(Deaf))
    (told,) = found.warnings
    assert told.startswith("was not asked whether one speaks or more: stream voice needs")
    assert found.embedding is None


def test_its_figures_are_json():
    told = quality(voice()).to_json()
    assert "embedding" not in told
    assert told["seconds"] == 12.0
    assert told["warnings"] == ()
