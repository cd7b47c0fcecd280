import json
import sys
from types import ModuleType

import pytest

from muze.core.settings import Settings


@pytest.fixture(autouse=True)
def dataset(tmp_path):
    (tmp_path / "a.json").touch()


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


def test_a_training_without_memory_before_its_steps_is_told_in_one_line(run, monkeypatch):
    class TrainingSettings(Settings):
        run: str
        device: str = "cpu"

    def train(settings, report):
        raise MemoryError("Unable to allocate 74.5 GiB for an array")

    module = ModuleType("muze.pipelines.train_vae")
    module.TrainingSettings, module.train = TrainingSettings, train
    monkeypatch.setitem(sys.modules, module.__name__, module)
    done = run("train", "vae", "--run", "r")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("muze: vae: out of memory on cpu (")
    assert ": 80 GB wanted, " in line
    assert line.endswith("fewer tracks or a smaller network take less")


def test_the_page_of_a_run_is_written_anew(run, tmp_path):
    done = run("train", "report", tmp_path)
    assert done.exit_code == 1
    assert "there is no run" in done.stderr
    about = {"step": 0, "settings": {"steps": 9, "dataset": "a.json"}, "losses": []}
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text(json.dumps(about))
    done = run("train", "report", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'report.html'}\n"), done.stderr
    assert "step 0 of 9" in (tmp_path / "report.html").read_text()


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
    estimate = ModuleType("muze.pipelines.estimate")
    estimate.estimate = lambda what, settings, report: train(settings, report)
    monkeypatch.setitem(sys.modules, estimate.__name__, estimate)
    assert run("train", "vae", "--run", "r", "--estimate").stderr == (
        "muze: interrupted; nothing half-written is left\n"
    )


def test_sizes_and_kinds_that_are_misspelt_are_told(run, tmp_path):
    given = ("--dataset", "a.json", "--run", "r")
    told = run("train", "vae", *given, "--preset", "startr").stderr
    assert told == "muze: --preset: there is no preset 'startr'; did you mean 'starter'?\n"
    told = run("train", "vocoder", *given, "--vocoder", "hifi").stderr
    assert told.startswith("muze: --vocoder: must be 'vocos' or 'hifigan', not 'hifi'")
    (tmp_path / "t.yaml").write_text(
        "preset: 128\nautoencoder: {latent_dmi: 3}\nadversarial_form: 2\n"
    )
    assert run("train", "vae", *given, "--config", "t.yaml").stderr.splitlines() == [
        "muze: t.yaml:2: autoencoder.latent_dmi: unknown key; did you mean 'latent_dim'?",
        "muze: t.yaml:3: adversarial_form: unknown key; did you mean 'adversarial_from'?",
    ]
    (tmp_path / "t.yaml").write_text("vocoder: hifigan\nhifigan: {upsample_rates: [4, 4]}\n")
    assert run("train", "vocoder", *given, "--config", "t.yaml").stderr == (
        "muze: t.yaml:2: hifigan: upsample_rates [4, 4] must multiply to the mel's hop_length, "
        "320\n"
    )


def test_what_is_not_there_is_told_beside_what_else_is_wrong(run, tmp_path):
    (tmp_path / "t.yaml").write_text("dataset: b.json\nrun: r\nvae: v\nsteps: 0\nstreams: {}\n")
    assert run("train", "diffusion", "--config", "t.yaml").stderr.splitlines() == [
        "muze: t.yaml:1: dataset: b.json: there is no such dataset",
        "muze: t.yaml:3: vae: v: is no model folder; it has no muze.json",
        "muze: t.yaml:4: steps: must be greater than or equal to 1, not 0",
    ]
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "muze.json").write_text('{"muze_model": 99}')
    given = ("--dataset", "a.json", "--set", "validation_dataset=c.json", "--steps", 1)
    told = run("train", "diffusion", "--config", "t.yaml", *given).stderr
    assert "--set validation_dataset: c.json: there is no such dataset\n" in told
    assert "t.yaml:3: vae: v/muze.json: is of format 99" in told
    assert len(told.splitlines()) == 2


@pytest.fixture
def trained(monkeypatch):
    """Stand in for the trainings, and note which is handed what."""
    seen = []

    class Network(Settings):
        width: int = 8
        dropout: float = 0.0

    class TrainingSettings(Settings):
        dataset: str = "a.json"
        run: str
        amp: str = "off"
        batch_size: int = 16
        keep: int = 0
        seed: int = 0
        resume_from: int | None = None
        validation: float = 0.0
        unet: Network = Network()

    for what in ("vae", "planner", "diffusion", "vocoder"):
        module = ModuleType(f"muze.pipelines.train_{what}")
        module.TrainingSettings = TrainingSettings
        module.train = lambda settings, report, what=what: seen.append((what, settings, report))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


@pytest.mark.parametrize(
    ("phase", "what"), [("1", "vae"), ("2", "planner"), ("3", "diffusion")]
)  # fmt: skip
def test_a_phase_of_the_specification_is_a_command(run, trained, phase, what):
    for said in (["--phase", phase], [f"--phase={phase}"]):
        assert run("train", *said, "--run", "r", "--seed", 0).exit_code == 0
        assert run("train", "--run", "r", *said).exit_code == 0
    assert [name for name, _, _ in trained] == [what] * 4


@pytest.mark.parametrize("said", [["--phase", "4"], ["--phase=vae"], ["--phase"]])
def test_a_phase_that_is_none_is_told(run, said):
    done = run("train", *said)
    assert done.exit_code == 2
    assert "--phase is one of 1 (vae), 2 (planner), 3 (diffusion), not " in done.stderr


def test_what_people_change_most_are_options(run, trained):
    options = {"--amp": "bf16", "--batch-size": 4, "--keep": 3, "--seed": 5, "--resume-from": 500,
               "--validation": 0.1}  # fmt: skip
    done = run("train", "vae", "--run", "r", *(word for pair in options.items() for word in pair))
    assert done.exit_code == 0, done.stderr
    settings = trained[0][1].model_dump()
    names = [name.removeprefix("--").replace("-", "_") for name in options]
    assert [settings[name] for name in names] == [*options.values()]


def test_any_setting_may_be_said(run, trained, tmp_path):
    (tmp_path / "train.yaml").write_text("run: r\nunet: {width: 3}\nkeep: 2\n")
    done = run("train", "vae", "--config", "train.yaml", "--set", "unet.dropout=0.1", "--set",
               "keep=4", "--set", "amp=off")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    settings = trained[0][1]
    assert (settings.unet.width, settings.unet.dropout) == (3, 0.1)
    assert (settings.keep, settings.amp) == (4, "off")
    done = run("train", "vae", "--config", "train.yaml", "--set", "unet.dropuot=0.1")
    assert done.stderr == ("muze: --set unet.dropuot: unknown key; did you mean 'dropout'?\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [("keep", "--set 'keep' should be like unet.dropout=0.1"),
     ("unet..width=3", "--set 'unet..width=3' should be like"),
     ("keep=[1", "'[1' is no value that YAML knows"),
     ("keep=many", "--set keep: must be a")],
)  # fmt: skip
def test_a_setting_said_in_vain_is_told(run, trained, change, told):
    done = run("train", "vae", "--run", "r", "--set", change)
    assert done.exit_code == 1
    assert told in done.stderr
    assert trained == []


def test_only_the_main_of_several_processes_reports(run, trained, monkeypatch):
    for rank, report in (("0", "LineReport"), ("1", "SilentReport")):
        monkeypatch.setenv("RANK", rank)
        assert run("train", "vae", "--run", "r").exit_code == 0
        assert type(trained[-1][2]).__name__ == report


def test_the_specification_s_names_of_options_are_taken(run, monkeypatch):
    class TrainingSettings(Settings):
        dataset: str
        start: str
        vae: str
        max_tracks: int
        lora: int

    trained = []
    module = ModuleType("muze.pipelines.train_diffusion")
    module.TrainingSettings = TrainingSettings
    module.train = lambda settings, report: trained.append(settings)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(TrainingSettings, "run", "r", raising=False)
    monkeypatch.setattr("muze.pipelines.training.part_of", lambda folder, part: {})
    words = (
        "--annotations a.json --ldm_checkpoint starter --vae_checkpoint v --max_tracks 9 --lora 4"
    )
    done = run("train", "--phase", "3", *words.split())
    assert done.exit_code == 0, done.stderr
    told = {"dataset": "a.json", "start": "starter", "vae": "v", "max_tracks": 9, "lora": 4}
    assert trained == [TrainingSettings(**told)]


@pytest.mark.parametrize(
    ("option", "told"), [("--epochs", "say --steps"), ("--audio-dir", "muze dataset build FOLDER")]
)
def test_options_that_muze_says_otherwise_are_told(run, option, told):
    done = run("train", "vae", option, "9")
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())
