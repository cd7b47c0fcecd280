import json

import numpy as np
import pytest
import soundfile

from muze.audio.mel import MelSettings, log_mel_array
from muze.core.errors import DatasetError
from muze.data.mels import dataset_mels
from muze.data.store import read_dataset
from muze.report import SilentReport
from muze.testing.sounds import sine


@pytest.fixture
def dataset(tmp_path):
    for name, hertz in (("a", 440), ("b", 880)):
        soundfile.write(tmp_path / f"{name}.wav", sine(hertz, 0.5).samples.T, 32000)
    tracks = [{"audio_path": f"{name}.wav", "duration": 0.5} for name in "ab"]
    content = {"muze_dataset": 1, "tracks": tracks}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    return read_dataset(tmp_path / "dataset.json")


def test_spectrograms_are_those_of_the_audio(dataset, tmp_path):
    mels = dataset_mels(dataset, MelSettings(), tmp_path / "mels", SilentReport())
    samples, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    wanted = log_mel_array(samples, MelSettings())
    assert [mel.shape for mel in mels] == [(128, 50)] * 2
    np.testing.assert_allclose(mels[0], wanted, atol=0.01)
    assert not np.allclose(mels[0], mels[1])


def test_a_spectrogram_is_computed_once(dataset, tmp_path, monkeypatch):
    dataset_mels(dataset, MelSettings(), tmp_path / "mels", SilentReport())
    monkeypatch.setattr("muze.data.mels.log_mel_array", None)
    assert len(dataset_mels(dataset, MelSettings(), tmp_path / "mels", SilentReport())) == 2
    assert len(list((tmp_path / "mels").iterdir())) == 2


def test_other_settings_or_other_audio_are_computed_anew(dataset, tmp_path):
    for settings in (MelSettings(), MelSettings(f_min=30)):
        dataset_mels(dataset, settings, tmp_path / "mels", SilentReport())
    soundfile.write(tmp_path / "a.wav", sine(200, 0.7).samples.T, 32000)
    mels = dataset_mels(dataset, MelSettings(), tmp_path / "mels", SilentReport())
    assert [mel.shape[1] for mel in mels] == [70, 50]
    assert len(list((tmp_path / "mels").iterdir())) == 5


def test_missing_audio_is_told(dataset, tmp_path):
    (tmp_path / "b.wav").unlink()
    with pytest.raises(DatasetError, match=r"there is no file .*b\.wav"):
        dataset_mels(dataset, MelSettings(), tmp_path / "mels", SilentReport())
