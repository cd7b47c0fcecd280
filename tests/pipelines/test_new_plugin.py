"""A new plugin passes every check as it is written, and nothing is written by halves."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import muze
from muze.core.errors import MuzeError, PluginError
from muze.core.registry import GROUP, Registry
from muze.pipelines import new_plugin
from muze.pipelines.new_plugin import write_plugin
from muze.testing.checks import checks_of, run_checks

KINDS = ("stream", "sampler", "vocoder", "voice", "separator")
WRITTEN = {
    "LICENSE", "README.md", "pyproject.toml", "muze_late_glow/__init__.py",
    "tests/test_late_glow.py",
}  # fmt: skip


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Write a plugin, and return a registry that knows it as pip would have it known."""

    def installed(kind):
        folder = write_plugin("late_glow", kind, tmp_path / "plugin")
        monkeypatch.syspath_prepend(folder)
        return folder, Registry([EntryPoint("late_glow", "muze_late_glow", GROUP)])

    yield installed
    for module in ("muze_late_glow", "muze_late_glow.encoder"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_every_check(installed, kind):
    folder, registry = installed(kind)
    rows = list(run_checks(registry, "late_glow"))
    assert {(component, failure) for component, _, failure in rows} == {(f"{kind} late_glow", None)}
    found = {str(p.relative_to(folder)) for p in folder.rglob("*.*") if "__pycache__" not in str(p)}
    found.add("LICENSE")
    assert found == WRITTEN | ({"muze_late_glow/encoder.py"} if kind == "stream" else set())


def test_its_own_test_renders_what_the_stream_hears(installed):
    folder, registry = installed("stream")
    spec = spec_from_file_location("test_late_glow", folder / "tests/test_late_glow.py")
    tests, source = module_from_spec(spec), (folder / "tests/test_late_glow.py").read_text()
    exec(source.replace("@stream_checks", "# "), tests.__dict__)
    checks = checks_of("stream", registry.get("stream", "late_glow"), render=tests.render)
    dict(checks)["agreement"]()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_the_style_of_muze(installed, kind):
    folder, _ = installed(kind)
    settings = Path(muze.__file__).parent.parent / "pyproject.toml"
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", settings, folder],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_metadata_names_the_entry_point_and_the_files(installed):
    import tomllib

    folder, _ = installed("sampler")
    told = tomllib.loads((folder / "pyproject.toml").read_text())
    project = told["project"]
    assert project["name"] == "muze-late-glow"
    assert project["entry-points"][GROUP] == {"late_glow": "muze_late_glow"}
    for name in (
        project["readme"],
        *project["license-files"],
        *told["tool"]["setuptools"]["packages"],
    ):
        assert (folder / name).exists()
    assert "sampler: {name: late_glow}" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "told"),
    [("Late Glow", "'Late Glow' cannot be a plugin's name.*a letter first, as 'late_glow'"),
     ("muze-glow", "as 'glow'"),
     ("7", "a letter first$"),
     ("", "a letter first$"),
     ("../glow", "as 'glow'"),
     ("glow__up", "as 'glow_up'"),
     ("gl\u00f6w", "cannot be a plugin's name"),
     ("all", "guidance calls every stream together so"),
     ("true", "YAML reads it as no name"),
     ("chord", "plugin 'chord' is installed already, by muze 0"),
     ("corpus", "muze-corpus is installed already")],
)  # fmt: skip
def test_a_name_that_cannot_be_is_told(tmp_path, monkeypatch, name, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PluginError, match=told) as fault:
        write_plugin(name, "stream")
    assert "\n" not in str(fault.value)
    assert list(tmp_path.iterdir()) == []


def test_a_module_of_that_name_is_told(tmp_path, monkeypatch):
    (tmp_path / "muze_glow.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="there is a module muze_glow already"):
        write_plugin("glow", "stream", tmp_path / "plugin")


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    for name in ("file", "folder"):
        there = tmp_path / name
        there.mkdir() if name == "folder" else there.write_text("mine")
        with pytest.raises(MuzeError, match="exists already"):
            write_plugin("glow", "stream", there)
    assert (tmp_path / "file").read_text() == "mine"
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_folder_in_nothing_is_told(tmp_path):
    with pytest.raises(MuzeError, match="there is no folder"):
        write_plugin("glow", "stream", tmp_path / "lost" / "plugin")


def test_nothing_is_left_where_writing_fails(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new_plugin.Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_plugin("glow", "stream", tmp_path / "plugin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_installed_checked_tested_and_built(tmp_path, kind):
    folder = write_plugin("late_glow", kind, tmp_path / "plugin")
    venv = [sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"]
    subprocess.run(venv, check=True)
    python = next((tmp_path / "venv").glob("[bS]*/python*"))
    # what is installed here, pip and setuptools among it, need not be fetched
    site = next((tmp_path / "venv").rglob("site-packages"))
    here = Path(pytest.__file__).parent.parent
    (site / "here.pth").write_text(f"import site; site.addsitedir({str(here)!r})\n")

    def run(*args, cwd=tmp_path):
        done = subprocess.run([python, "-m", *args], cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    offline = ("--no-deps", "--no-build-isolation", "--quiet")
    run("pip", "install", *offline, "-e", folder)
    checked = run("muze", "plugins", "check", "late_glow").splitlines()
    assert len(checked) >= 3
    assert all(line.startswith("pass  ") for line in checked)
    assert "passed" in run("pytest", "-q", cwd=folder)
    run("pip", "wheel", *offline, "--wheel-dir", tmp_path / "dist", folder)
    assert [p.name for p in (tmp_path / "dist").iterdir()] == [
        "muze_late_glow-0.1.0-py3-none-any.whl"
    ]
