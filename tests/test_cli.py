import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import muze
from muze.audio.io import write_audio
from muze.cli import app
from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.pipelines import model_info
from muze.pipelines.model_info import ModelInfo

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))
ADHERENCE = {
    "scores": [
        {"stream": "chord", "name": "majmin", "value": 0.75, "unit": "share", "floor": 0.04,
         "higher_is_better": True, "origin": "asked"},
        {"stream": "energy", "name": "energy r", "value": 0.5, "unit": "r", "floor": None,
         "higher_is_better": True, "origin": "decided"},
    ]
}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command line in an empty folder, whatever models are installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_info, "find_model", lambda song, _: ModelInfo(name=song.model))

    def run(*args):
        return CliRunner().invoke(app, [str(arg) for arg in args])

    return run


@pytest.fixture
def rendering(monkeypatch):
    """Stand in for the pipeline: note what it is asked for, or raise what it is told to."""
    asked = SimpleNamespace(plan=None, device=None, fault=None)

    def generate(plan, registry, report, device):
        asked.plan, asked.device = plan, device
        report.task("sampling", 1)()
        if asked.fault:
            raise asked.fault
        path = Path(plan.output.path)
        beside = [path.with_suffix(end) for end in (".plan.json", ".adherence.json", ".png")]
        return SimpleNamespace(
            path=path, plan_path=beside[0], adherence_path=beside[1], picture_path=beside[2],
            adherence=ADHERENCE,
        )  # fmt: skip

    module = ModuleType("muze.pipelines.generate")
    module.generate = generate
    monkeypatch.setitem(sys.modules, "muze.pipelines.generate", module)
    return asked


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.yaml"
    path.write_text("muze: 1\nprompt: warm house\nseed: 7\nduration: 8\n")
    return path


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['muze', '--help']\nfrom muze.cli import main\n"
        "try: main()\nexcept SystemExit as done: assert done.code == 0\n"
        "heavy = {'torch', 'numpy', 'librosa', 'pydantic', 'scipy', 'soundfile', 'transformers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "generate" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["generate", "plan", "evaluate", "train vae", "train diffusion", "train vocoder",
     "plugins list", "plugins info", "plugins check", "models list", "models info", "schema song"],
)  # fmt: skip
def test_every_command_explains_itself(run, command):
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_the_version_is_told(run):
    assert run("--version").stdout == f"muze {muze.__version__}\n"


def test_a_dry_run_shows_the_plan_and_makes_nothing(run, song, tmp_path):
    done = run("generate", "--manifest", song, "--dry-run")
    assert done.exit_code == 0
    for told in ("warm house", "8 s, ", "seed 7", "BPM*", "* decided by muze, not asked", "chords"):
        assert told in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["song.yaml"]
    assert run("plan", "--manifest", song).stdout == done.stdout


def test_a_plan_as_json_makes_the_same_plan_again(run, song, tmp_path, rendering):
    done = run("plan", "--manifest", song, "--json")
    (tmp_path / "song.plan.json").write_text(done.stdout)
    run("generate", "--manifest", song)
    first = rendering.plan
    assert run("generate", "--plan", "song.plan.json").exit_code == 0
    assert rendering.plan == first
    again = run("generate", "--plan", "song.plan.json", "--output", "b.flac", "--quiet")
    assert again.stdout == f"{tmp_path / 'b.flac'}\n"
    assert rendering.plan.output.format == "flac"


def test_a_plan_is_never_made_over_a_recording_it_reads(run, song, tmp_path, rendering):
    write_audio(tmp_path / "hum.wav", Audio(np.full((1, 32000), 0.1, np.float32), 32000))
    song.write_text(song.read_text() + "streams: {chord: {from: hum.wav}}\n")
    (tmp_path / "p.json").write_text(run("plan", "--manifest", song, "--json").stdout)
    done = run("generate", "--plan", "p.json", "--output", "hum.wav")
    assert (done.exit_code, rendering.plan) == (1, None)
    assert "hum.wav: is read here and would be written over; give another --output" in done.stderr
    assert run("generate", "--plan", "p.json", "--output", "new.wav").exit_code == 0


@pytest.fixture
def planned(run, song, tmp_path):
    """Write the plan of the song with some values changed; return its name."""

    def planned(**changes):
        plan = json.loads(run("plan", "--manifest", song, "--json").stdout)
        (tmp_path / "p.json").write_text(json.dumps(plan | changes))
        return "p.json"

    return planned


def test_an_edited_plan_is_told_in_lines(run, planned, rendering):
    done = run("generate", "--plan", planned(origins={}, tempo=[], time_signature="foo"))
    assert (done.exit_code, rendering.plan) == (1, None)
    assert [line.partition(", key, seed")[0] for line in done.stderr.splitlines()] == [
        "muze: p.json: tempo: must have at least 1 item, not 0",
        "muze: p.json: time_signature: 'foo' is no time signature; write it like 4/4, 3/4 or 6/8",
        "muze: p.json: origins: lacks duration",
    ]


def test_a_plan_made_with_other_versions_is_refused(run, planned, rendering):
    done = run("generate", "--plan", planned(muze="0.0.1"))
    assert (done.exit_code, rendering.plan) == (1, None)
    assert done.stderr == (
        f"muze: p.json: this plan was made with muze 0.0.1; here is muze {muze.__version__}; the "
        "same file would not come back, so plan the manifest anew\n"
    )


def test_a_plan_writes_outside_its_folder_only_where_output_says_so(
    run, planned, rendering, tmp_path, monkeypatch
):
    plan = tmp_path / planned()  # its song would be written beside it
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    done = run("generate", "--plan", plan)
    assert (done.exit_code, rendering.plan) == (1, None)
    assert f"output.path: {tmp_path / 'song.wav'} leaves the folder" in done.stderr
    assert run("generate", "--plan", plan, "--output", "../song.wav").exit_code == 0
    assert rendering.plan.output.path == str(tmp_path / "song.wav")


def test_the_path_is_on_stdout_and_the_tables_on_stderr(run, song, tmp_path, rendering):
    done = run("generate", "--manifest", song, "--device", "cpu")
    assert done.exit_code == 0
    assert done.stdout == f"{tmp_path / 'song.wav'}\n"
    assert rendering.device == "cpu"
    for told in ("section", "sampling: 1 steps", "majmin", "0.750", "0.04", "energy*"):
        assert told in done.stderr


def test_quiet_says_the_path_alone(run, song, tmp_path, rendering):
    done = run("generate", "--manifest", song, "--quiet")
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'song.wav'}\n", "")


def test_a_program_can_read_the_result(run, song, tmp_path, rendering):
    told = json.loads(run("generate", "--manifest", song, "--json", "--quiet").stdout)
    assert told["audio"] == str(tmp_path / "song.wav")
    assert told["plan"].endswith("song.plan.json")
    assert told["adherence"] == ADHERENCE


def test_options_say_what_a_manifest_says(run, tmp_path, rendering):
    done = run(
        "generate", "warm house", "--duration", 12, "--cfg-scale", 3, "--num-steps", 9,
        "--template", "loop", "--seed", 5, "--sampler", "ddim", "--eta", 0.5, "--model", "mine",
        "--vocoder", "griffin_lim", "--output", "w.wav", "--quiet",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    plan = rendering.plan
    assert (plan.prompt, plan.duration, plan.seed, plan.model) == ("warm house", 12, 5, "mine")
    assert (plan.guidance["all"], plan.num_steps, plan.sampler.config) == (3, 9, {"eta": 0.5})
    assert plan.vocoder.name == "griffin_lim"
    assert [section.type for section in plan.sections] == ["instrumental"]
    assert plan.output.path == str(tmp_path / "w.wav")


def test_the_specification_s_underscores_are_accepted(run, rendering):
    done = run("generate", "x", "--cfg_scale", 3, "--num_steps=9", "--quiet")
    assert done.exit_code == 0, done.stderr
    assert (rendering.plan.guidance["all"], rendering.plan.num_steps) == (3, 9)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "none was given"),
        (("x", "--manifest", "song.yaml"), "not PROMPT and --manifest"),
        (("--plan", "p.json", "--seed", "3"), "cannot be changed by --seed"),
        (("x", "--seed", "seven"), "--seed"),
        (("x", "--duraton", "3"), "--duraton"),
    ],
)
def test_bad_usage_exits_with_2(run, args, told):
    done = run("generate", *args)
    assert done.exit_code == 2
    assert told in done.stderr


def test_every_fault_is_one_line_and_exit_1(run, song, tmp_path):
    song.write_text("muze: 1\nprompt: x\ntempo: 0\nstreams: {chrod: 3}\n")
    done = run("generate", "--manifest", song)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"muze: {song}:3: tempo: must be greater than or equal to 20, not 0",
        f"muze: {song}:4: streams.chrod: stream 'chrod' is not installed; did you mean 'chord'?",
    ]
    done = run("generate", "x", "--duration", 0)
    assert done.stderr == "muze: --duration: must be greater than or equal to 1, not 0.0\n"


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (PluginError("it broke"), 1, "muze: it broke\n"),
        (OSError(28, "No space left on device", "/x/a.wav"), 1,
         "muze: /x/a.wav: No space left on device\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "muze: /x: Permission denied\n"),
        (KeyboardInterrupt(), 130, "muze: interrupted; nothing half-written is left\n"),
    ],
)  # fmt: skip
def test_what_goes_wrong_on_the_way_is_told_in_one_line(run, song, rendering, fault, code, told):
    rendering.fault = fault
    done = run("generate", "--manifest", song, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", told)


def test_debug_shows_the_traceback(run, song, rendering):
    rendering.fault = PluginError("it broke")
    for args in (("--debug", "generate"), ("generate", "--debug")):
        done = run(*args, "--manifest", song, "--quiet")
        assert isinstance(done.exception, PluginError)


def test_a_model_that_is_not_there_or_lacks_a_stream_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["plan", "x", "--model", "nobody"])
    assert done.exit_code == 1
    assert done.stderr == "muze: --model: model 'nobody' is not installed\n"
    (tmp_path / "tiny").mkdir()
    done = CliRunner().invoke(app, ["plan", "x", "--model", "tiny"])
    assert "--model: " in done.stderr
    assert "is no model folder; it has no muze.json" in done.stderr
    settings = {"streams": {"text": {}, "chord": {}}, "guidance": 2.5}
    streams = {n: {"feature_version": 1, "from": "muze"} for n in settings["streams"]}
    part = {"settings": settings, "file": "d.safetensors", "sha256": "0", "streams": streams}
    header = {"muze_model": 1, "parts": {"denoiser": part}}
    (tmp_path / "tiny" / "muze.json").write_text(json.dumps(header))
    (tmp_path / "song.yaml").write_text("muze: 1\nprompt: x\nmodel: tiny\nstreams: {genre: jazz}\n")
    done = CliRunner().invoke(app, ["plan", "--manifest", "song.yaml"])
    assert "song.yaml:4: streams.genre: model" in done.stderr
    assert "knows no stream 'genre'; it knows text, chord" in done.stderr
    plan = json.loads(CliRunner().invoke(app, ["plan", "x", "--model", "tiny", "--json"]).stdout)
    assert plan["model"] == str(tmp_path / "tiny")
    assert plan["guidance"] == {"all": 2.5}
    assert list(plan["streams"]) == ["text"]


def test_an_output_that_cannot_be_written_is_told_before_the_render(run, song, rendering):
    done = run("generate", "--manifest", song, "--output", "nowhere/a.wav")
    assert done.exit_code == 1
    assert "--output: " in done.stderr
    assert "there is no folder" in done.stderr
    assert rendering.plan is None


def test_a_sampler_by_option_leaves_the_file_s_settings_behind(run, monkeypatch):
    example = next(path for path in EXAMPLES if "eta: 0.0" in path.read_text())
    monkeypatch.chdir(example.parents[1])
    done = run("plan", "--manifest", example, "--sampler", "dpmpp", "--json")
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["sampler"] == {"name": "dpmpp", "config": {}}
    assert plan["num_steps"] == 50


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_planned_and_explained(run, monkeypatch, example):
    monkeypatch.chdir(example.parents[1])
    done = run("plan", "--manifest", example, "--json")
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["sections"][-1]["end"] == plan["duration"]
    assert example.read_text().count("#") >= 5


def test_the_schema_is_printed(run):
    assert json.loads(run("schema", "song").stdout)["title"] == "Song"


def test_plugins_are_listed_and_described(run):
    assert "stream chord" in run("plugins", "list").stdout
    rows = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert rows["chord"]["state"] == "ok"
    told = run("plugins", "info", "chord").stdout
    assert "progression: required" in told
    assert "(may stand alone)" in told
    done = run("plugins", "info", "chrod")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "did you mean 'chord'?" in done.stderr


def test_a_plugin_that_fails_a_check_exits_with_1(run, monkeypatch):
    results = [("stream chord", "examples", None), ("stream chord", "null", "it leaks\nbadly")]
    module = ModuleType("muze.testing.checks")
    module.run_checks = lambda registry, name: iter(results)
    monkeypatch.setitem(sys.modules, "muze.testing.checks", module)
    done = run("plugins", "check", "chord")
    assert done.exit_code == 1
    assert done.stdout == (
        "pass  stream chord  examples\nFAIL  stream chord  null\n      it leaks\n      badly\n"
    )
    results.pop()
    assert run("plugins", "check", "chord").exit_code == 0


def test_models_are_shown_from_their_folder(run, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "has no muze.json" in run("models", "info", "mine").stderr
    (tmp_path / "mine" / "muze.json").write_text('{"muze_model": 1}')
    (tmp_path / "mine" / "README.md").write_text("# My model")
    told = run("models", "info", "mine").stdout
    assert '"muze_model": 1' in told
    assert "# My model" in told
    done = run("models", "info", "nobody")
    assert done.exit_code == 1
    assert "not installed" in done.stderr
    assert run("models", "list").exit_code == 0


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


def test_a_model_is_not_assembled_of_nothing(run, tmp_path):
    done = run("models", "assemble", tmp_path / "m")
    assert done.exit_code == 2
    assert "give at least one of --autoencoder, --denoiser and --vocoder" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def measuring(monkeypatch):
    """Stand in for the measure: note the plans a recording is measured against."""
    plans = []

    def measure_file(audio, plan, registry, report):
        plans.append(plan)
        return ADHERENCE

    module = ModuleType("muze.pipelines.measure")
    module.measure_file = measure_file
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return plans


def test_a_recording_is_measured_against_a_manifest(run, song, measuring):
    done = run("evaluate", "a.wav", "--manifest", song)
    assert "majmin" in done.stdout
    assert "* decided by muze, not asked" in done.stdout
    assert done.stderr == ""
    told = run("evaluate", "a.wav", "--manifest", song, "--json")
    assert json.loads(told.stdout) == ADHERENCE
    run("evaluate", "a.wav", "--manifest", song, "--seed", 3)
    assert [plan.seed for plan in measuring] == [7, 7, 3]


def test_a_recording_is_measured_against_the_same_song_every_time(run, song, measuring):
    song.write_text("muze: 1\nprompt: warm house\nkey: A minor\nstreams: {chord: [Am]}\n")
    for _ in range(2):
        done = run("evaluate", "a.wav", "--manifest", song)
    assert measuring[0] == measuring[1]
    assert measuring[0].seed == 0
    assert f"{song}: says no seed, so what it does not ask for is decided with seed 0: " in (
        done.stderr
    )
    decided = done.stderr.partition("seed 0: ")[2].partition(";")[0].split(", ")
    assert {"tempo", "energy"} <= set(decided)
    assert not {"chord", "key", "text"} & set(decided)


def test_a_recording_is_measured_against_a_plan(run, planned, measuring):
    plan = planned()
    assert run("evaluate", "a.wav", "--plan", plan).exit_code == 0
    assert measuring[0].seed == 7
    done = run("evaluate", "a.wav", "--plan", planned(guidance={}))
    assert (done.exit_code, done.stderr) == (
        1, "muze: p.json: guidance: lacks the weight of all\n",
    )  # fmt: skip
    # what it was made with does not matter where nothing is made
    assert run("evaluate", "a.wav", "--plan", planned(muze="0.0.1")).exit_code == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [((), "give one of --manifest and --plan"),
     (("--manifest", "song.yaml", "--plan", "p.json"), "give one of --manifest and --plan"),
     (("--plan", "p.json", "--seed", "3"), "cannot be changed by --seed")],
)  # fmt: skip
def test_what_is_measured_against_is_said_once(run, measuring, args, told):
    done = run("evaluate", "a.wav", *args)
    assert (done.exit_code, measuring) == (2, [])
    assert told in done.stderr


def test_nothing_is_said_of_an_output_where_nothing_is_written(run, tmp_path, measuring):
    (tmp_path / "here").mkdir()
    song = tmp_path.parent / "far.yaml"
    song.write_text("muze: 1\nprompt: x\nseed: 1\noutput: {path: gone/far.wav}\n")
    assert run("evaluate", "a.wav", "--manifest", song).exit_code == 0
    assert run("plan", "--manifest", song).exit_code == 1
