import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.core.grid import Audio
from muze.core.mel import MelSettings
from muze.evaluation.copy_synthesis import compare_copies, copy, copy_folder
from muze.evaluation.kept import Kept
from muze.report import SilentReport

MEL = MelSettings()


class Remembers:
    """A vocoder that makes the sound it is given, louder or softer, whatever the mel."""

    name = "remembers"

    def __init__(self, sound, gain=1.0):
        self.sound, self.gain, self.heard = sound, gain, []

    def render(self, log_mel):
        self.heard.append(log_mel.shape)
        return self.gain * self.sound


@pytest.fixture
def tone():
    at = np.arange(32_000) / 32_000
    return (0.3 * np.sin(2 * np.pi * 440 * at) + 0.1 * np.sin(2 * np.pi * 1320 * at)).astype("f")


def test_a_copy_that_is_the_sound_is_at_no_distance(tone):
    stereo = Audio(np.stack([tone, tone]), 32_000)
    vocoder = Remembers(tone)
    found = copy(vocoder, stereo, MEL)
    assert found.distances(MEL) == {"stft": pytest.approx(0, abs=1e-4), "mel": 0}
    assert vocoder.heard[0][0] == MEL.num_mels
    # half as loud: log-mels lie log 2 apart wherever there is sound
    half = copy(Remembers(tone, 0.5), stereo, MEL).distances(MEL)
    assert 0.1 < half["mel"] <= np.log(2) + 1e-3
    assert half["stft"] > 0.5


def test_a_sound_that_is_shorter_than_a_window_is_copied_too(tone):
    found = copy(Remembers(tone[:6400]), Audio(tone[None, :100], 32_000), MEL)
    assert found.original.samples.shape == (1, 6400)
    assert found.distances(MEL)["mel"] > 0


def test_the_sounds_of_a_folder_are_copied_once_and_compared_sound_by_sound(tone, tmp_path):
    folder, kept = tmp_path / "music", Kept(tmp_path / "kept")
    folder.mkdir()
    for name in ("a.wav", "b.wav"):
        write_audio(folder / name, Audio(tone[None] * (0.5 if name == "b.wav" else 1), 32_000))
    sides = []
    for gain, weights in ((0.5, None), (0.9, "better")):
        vocoder = Remembers(tone, gain)
        sides.append(copy_folder(folder, vocoder, weights, kept, SilentReport()))
        again = Remembers(tone, gain)
        assert copy_folder(folder, again, weights, kept, SilentReport()) == sides[-1]
        assert (len(vocoder.heard), again.heard) == (2, [])
    assert list(sides[0]["sounds"]) == ["a.wav", "b.wav"]
    assert sides[0]["figures"]["mel"]["count"] == 2
    rows = compare_copies(*sides)
    assert [row["name"] for row in rows] == [
        "remembers multi-resolution STFT distance", "remembers log-mel L1 distance",
    ]  # fmt: skip
    first, second = (side["sounds"]["a.wav"]["mel"] for side in sides)
    assert second < first
    assert compare_copies(sides[0], {**sides[1], "mel": {}}) == []
