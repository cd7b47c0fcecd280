import json
import subprocess
import sys

import pytest

import muze
from muze.core.errors import PluginError


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
    ["generate", "plan", "evaluate", "train vae", "train planner",
     "train diffusion", "train vocoder",
     "plugins list", "plugins info", "plugins check", "models list", "models info", "schema song"],
)  # fmt: skip
def test_every_command_explains_itself(run, command):
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_the_version_is_told(run):
    assert run("--version").stdout == f"muze {muze.__version__}\n"


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


def test_the_schema_is_printed(run):
    assert json.loads(run("schema", "song").stdout)["title"] == "Song"
