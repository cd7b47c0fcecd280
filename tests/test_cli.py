import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

import muze
from muze.cli import app
from muze.core.errors import PluginError
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


def test_a_recording_is_measured_against_a_manifest(run, monkeypatch, song):
    module = ModuleType("muze.pipelines.measure")
    module.measure_file = lambda audio, plan, registry, report: ADHERENCE
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert "majmin" in run("evaluate", "a.wav", "--manifest", song).stdout
    told = run("evaluate", "a.wav", "--manifest", song, "--json")
    assert json.loads(told.stdout) == ADHERENCE
