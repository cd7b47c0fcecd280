import sys
from types import ModuleType

import pytest

from muze.core.settings import Settings


@pytest.mark.parametrize("what", ["vae", "diffusion", "vocoder"])
def test_training_is_handed_its_settings(run, monkeypatch, tmp_path, what):
    class TrainingSettings(Settings):
        dataset: str
        run: str
        steps: int = 0
        resume: bool = False
        batch_size: int = 1

    trained = []
    module = ModuleType(f"muze.pipelines.train_{what}")
    module.TrainingSettings = TrainingSettings
    module.train = lambda settings, report: trained.append(settings)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "train.yaml").write_text("batch_size: 4\ndataset: a.json\nrun: out\n")
    done = run("train", what, "--config", "train.yaml", "--steps", 9, "--resume", "--run", "r")
    assert done.exit_code == 0, done.stderr
    assert trained == [
        TrainingSettings(dataset="a.json", run="r", steps=9, resume=True, batch_size=4)
    ]
    (tmp_path / "train.yaml").write_text("batch_sise: 4\ndataset: a.json\nrun: out\n")
    done = run("train", what, "--config", "train.yaml")
    assert done.exit_code == 1
    assert "train.yaml:1: batch_sise: unknown key; did you mean 'batch_size'?" in done.stderr


@pytest.mark.parametrize("option", ["--steps", "--minutes"])
def test_a_training_of_no_steps_or_minutes_is_told(run, option):
    done = run("train", "vae", "--dataset", "a.json", "--run", "r", option, 0)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"muze: {option}: must be greater than ")


def test_an_interrupted_training_says_what_is_left(run, monkeypatch, tmp_path):
    class TrainingSettings(Settings):
        run: str

    def train(settings, report):
        raise KeyboardInterrupt

    module = ModuleType("muze.pipelines.train_vae")
    module.TrainingSettings, module.train = TrainingSettings, train
    monkeypatch.setitem(sys.modules, module.__name__, module)
    done = run("train", "vae", "--run", "r")
    assert (done.exit_code, done.stderr) == (
        130, "muze: interrupted; r has no checkpoint yet, so the training starts anew\n",
    )  # fmt: skip
    (tmp_path / "r" / "state").mkdir(parents=True)
    assert run("train", "vae", "--run", "r").stderr == (
        "muze: interrupted; r is left as of its last checkpoint; --resume goes on from there\n"
    )
