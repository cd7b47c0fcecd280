from pathlib import Path

import pytest
from pydantic import Field

from muze.core.errors import ManifestError
from muze.core.settings import Settings
from muze.manifest.training import read_settings
from muze.pipelines.training import LoopSettings


class Training(Settings):
    batch_size: int = Field(16, ge=1)
    run: Path | None = None


def test_training_settings_are_read_with_options_over_them(write):
    path = write("batch_size: 4\n", "train.yaml")
    assert read_settings(path, Training, {"run": "out"}) == Training(batch_size=4, run=Path("out"))
    assert read_settings(None, Training, {"batch_size": 2}).batch_size == 2


def test_off_is_a_word_of_the_training_settings(write):
    path = write("amp: off\nlearning_rate: 1e-3\n", "train.yaml")
    read = read_settings(path, LoopSettings, {"dataset": "dataset.json", "run": "run"})
    assert (read.amp, read.learning_rate) == ("off", 0.001)


def test_faults_of_training_settings_have_lines_and_options(write):
    path = write("batch_size: 0\nbatch: 3\n", "train.yaml")
    with pytest.raises(ManifestError) as told:
        read_settings(path, Training, {})
    assert str(told.value).splitlines() == [
        f"{path}:1: batch_size: must be greater than or equal to 1, not 0",
        f"{path}:2: batch: unknown key; did you mean 'batch_size'?",
    ]
    with pytest.raises(ManifestError, match="--batch-size: must be"):
        read_settings(None, Training, {"batch_size": 0})
