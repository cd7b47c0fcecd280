"""docs/plugins.md is true: its files are written, its commands and its Python run, in order."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import muze
from muze.audio.io import write_audio
from muze.cli import app
from muze.core import protocols, voices
from muze.core.grid import Audio
from muze.core.registry import GROUP, HOOKS
from muze.testing.checks import checks_of
from muze.testing.sounds import SAMPLE_RATE, chords, noise

ROOT = Path(muze.__file__).parent.parent
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
PLUGIN, MODULE = "muze-noisiness", "muze_noisiness"
NETWORK = ("pip install muze", "python -m pip install build", "python -m build", "twine")
"""How a command begins that needs a package index; a test of new plugins builds a wheel."""
LONG = ("python annotate.py", "muze train", "muze models assemble", "muze generate")
SHORTER = {"muze train": " --steps 1 --quiet", "muze generate": " --num-steps 2 --quiet"}


def blocks(page=PAGE):
    """Yield (language, file or "", text) of each fenced block."""
    for info, text in re.findall(r"^```(.*)\n((?:.*\n)*?)```$", page, re.MULTILINE):
        language, _, path = info.partition(" ")
        yield language, path, text


def commands(text):
    """Yield (command, output shown)."""
    yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


def is_as_shown(output, shown):
    """Whether output is as shown, where a line of three dots is any lines, and dots any text."""
    lines = (re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in shown.splitlines())
    pattern = "".join(r"(.*\n)*" if line == ".*" else line + r"\n" for line in lines)
    found = "".join(line.rstrip() + "\n" for line in output.splitlines())
    return re.fullmatch(pattern, found) is not None


def merged(source, block):
    """Return a file's source with the block's parts in place of those of their names."""
    tree, told = ast.parse(source), ast.parse(block)
    _merge(tree.body, told.body)
    return ast.unparse(tree)


def _merge(body, told):
    for node in told:
        old = next((n for n in body if _key(n) == _key(node)), None)
        if isinstance(node, ast.ClassDef) and old is not None:
            _merge(old.body, node.body)
        elif old is not None:
            body[body.index(old)] = node
        else:  # before the first class or function, or at a class's end
            places = [i for i, n in enumerate(body) if isinstance(n, ast.ClassDef)]
            new = isinstance(node, (ast.FunctionDef, ast.AnnAssign))
            body.insert(len(body) - 1 if new else min(places, default=len(body)), node)


def _key(node):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return "docstring" if is_text else ast.unparse(node)


class Reader:
    """Does what the page says, in an empty folder."""

    def __init__(self, folder, path):
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": path, "PATH": self.path()}

    def path(self):
        return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def write(self, path, text):
        target = self.folder / PLUGIN / path
        if target.exists():
            target.write_text(merged(target.read_text(), text))
        else:
            (self.folder / path).write_text(text)

    def shell(self, command):
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    def follow(self, text, leave=NETWORK):
        for command, shown in commands(text):
            if command.startswith(leave):
                continue
            more = next((m for start, m in SHORTER.items() if command.startswith(start)), "")
            code, out, err = self.run(command + more)
            fails = shown.startswith("muze: ")
            assert code == fails, f"{command}\n{out}{err}"
            assert not shown or is_as_shown(err if fails else out, shown), f"{command}\n{out}{err}"


class Inside(Reader):
    """A reader whose commands of muze run in this process, and whose pip writes metadata alone."""

    def __init__(self, folder, monkeypatch):
        self.monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        super().__init__(folder, os.pathsep.join(map(str, (folder / PLUGIN, *sys.path))))

    def write(self, path, text):
        super().write(path, text)
        forget()

    def run(self, command):
        words = shlex.split(command)
        if words[:3] == ["pip", "install", "-e"]:
            return self.install()
        if words[0] != "muze":
            return self.shell(command)
        done = CliRunner().invoke(app, words[1:])
        return done.exit_code, done.stdout, done.stderr

    def install(self):
        info = self.folder / PLUGIN / f"{MODULE}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PLUGIN}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nnoisiness = {MODULE}\n")
        self.monkeypatch.syspath_prepend(self.folder / PLUGIN)
        return 0, "", ""


class InVenv(Reader):
    """A reader with an environment, in which everything that is installed here is installed."""

    def __init__(self, folder):
        self.venv = folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.venv], check=True)
        site, here = next(self.venv.rglob("site-packages")), Path(pytest.__file__).parent.parent
        (site / "here.pth").write_text(f"import site; site.addsitedir({str(here)!r})\n")
        super().__init__(folder, "")
        for name in ("muze", "pip"):
            script = self.venv / "bin" / name
            script.write_text(f'#!/bin/sh\nexec {self.venv}/bin/python -m {name} "$@"\n')
            script.chmod(0o755)

    def path(self):
        return os.pathsep.join([str(self.venv / "bin"), os.environ["PATH"]])

    def run(self, command):
        offline = "pip install --no-deps --no-build-isolation -e"
        return self.shell(command.replace("pip install -e", offline))


def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == MODULE]:
        del sys.modules[name]


@pytest.fixture
def inside(tmp_path, monkeypatch):
    yield Inside(tmp_path, monkeypatch)
    forget()


def test_every_line_of_the_page_is_true(inside):
    names = {"__name__": "page"}
    for language, path, text in blocks():
        if language == "console":
            inside.follow(text, (*NETWORK, *LONG))
        elif path:
            inside.write(path, text)
        elif language == "python":
            exec(compile(text, "plugins.md", "exec"), names)
        elif language == "toml":
            assert text in (ROOT / "plugins-contrib/muze-starter/pyproject.toml").read_text()
        else:
            assert language == "", f"nothing is done with {language}"
            told = re.findall(r"^  (\S+?)(?:, (\S+))?(?:  .*)?$", text, re.MULTILINE)
            assert len(told) == 5
            for name in (name for pair in told for name in pair if name):
                assert (inside.folder / PLUGIN / name).is_file(), name


def test_every_check_is_told(muze_registry):
    told = set(re.findall(r"^\| `(\w+)` \| .* \|$", PAGE.rpartition("| check |")[2], re.MULTILINE))
    stream = muze_registry.get("stream", "energy")
    assert told == {name for name, _ in checks_of("stream", stream, render=lambda *_: None)}


def test_every_check_and_every_part_of_a_voice_is_told(muze_registry):
    _, table, rest = PAGE.partition("| check of a voice |")
    told = re.findall(r"^\| `(\w+)` \| (.*) \|$", (table + rest).partition("\n\n")[0], re.MULTILINE)
    checks = dict(checks_of("voice", muze_registry.get("voice", "espeak")))
    assert [name for name, _ in told] == list(checks)
    for name, holds in told:
        assert holds == checks[name].func.__doc__.split("\n")[0]
    source = Path(voices.__file__).read_text() + Path(protocols.__file__).read_text()
    optional = re.findall(r'getattr\((?:backend|component), "(\w+)"', source)
    assert {"speak_timed", "clones", "keeps_clones", "repeats", "check", "about"} <= {*optional}
    own = {*vars(protocols.VoiceBackend), *protocols.VoiceBackend.__annotations__}
    page = PAGE.partition("## A voice")[2].partition("A distribution may carry")[0]
    for name in [*own, *optional]:
        assert name.startswith("_") or f"`{name}" in page, name


def test_every_hook_and_every_part_of_a_stream_is_told():
    own = [part for part in protocols.Stream.__mro__ if part.__module__ == protocols.__name__]
    parts = {name for part in own for name in (*vars(part), *part.__annotations__)}
    optional = re.findall(r'getattr\(stream, "(\w+)"', Path(protocols.__file__).read_text())
    assert len(optional) >= 4
    for name in [*parts, *optional, *HOOKS.values()]:
        assert name.startswith("_") or f"`{name}" in PAGE, name


@pytest.mark.slow
def test_the_first_part_runs_where_pip_installs(tmp_path):
    reader = InVenv(tmp_path)
    tracks = []
    for index, symbols in enumerate((["C", "Am"], ["F", "G"])):
        played = 0.8 * chords(symbols * 2, 2.0).samples + noise(8.0, 0.02).samples
        write_audio(tmp_path / f"{index}.wav", Audio(played, SAMPLE_RATE))
        about = {"audio_path": f"{index}.wav", "duration": 8.0, "tempo": 120.0, "prompt": "calm"}
        tracks.append(about)
    (tmp_path / "songs.json").write_text(json.dumps({"muze_dataset": 1, "tracks": tracks}))
    first = PAGE.partition("\n# A stream, part by part")[0]
    for language, path, text in blocks(first):
        if language == "console":
            reader.follow(text)
        elif path:
            reader.write(path, text)
    told = json.loads((tmp_path / "song.adherence.json").read_text())
    assert "noisiness r" in {score["name"] for score in told["scores"]}
    noisy = json.loads((tmp_path / "noisy-songs.json").read_text())["tracks"]
    assert all(len(track["noisiness"]) == 8 for track in noisy)
