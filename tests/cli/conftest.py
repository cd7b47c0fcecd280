import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from muze.cli import app
from muze.pipelines import model_info
from muze.pipelines.model_info import ModelInfo

ADHERENCE = {
    "scores": [
        {"stream": "chord", "name": "majmin", "value": 0.75, "unit": "share", "floor": 0.04,
         "higher_is_better": True, "origin": "asked", "extractor": "an ear 1"},
        {"stream": "energy", "name": "energy r", "value": 0.5, "unit": "r", "floor": None,
         "higher_is_better": True, "origin": "decided", "extractor": "an ear 1"},
    ]
}  # fmt: skip


@pytest.fixture
def adherence():
    return ADHERENCE


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command line in an empty folder, whatever models are installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_info, "find_model", lambda song, _: ModelInfo(name=song.model))

    def run(*args):
        return CliRunner().invoke(app, [str(arg) for arg in args])

    return run


@pytest.fixture
def rendering(monkeypatch, adherence):
    """Stand in for the pipeline: note what it is asked for, or raise what it is told to."""
    asked = SimpleNamespace(plan=None, device=None, fault=None, adherence=adherence)

    def generate(plan, registry, report, device):
        asked.plan, asked.device = plan, device
        report.task("sampling", 1)()
        if asked.fault:
            raise asked.fault
        path = Path(plan.output.path)
        beside = [path.with_suffix(end) for end in (".plan.json", ".adherence.json", ".png")]
        return SimpleNamespace(
            path=path, plan_path=beside[0], adherence_path=beside[1], picture_path=beside[2],
            adherence=adherence, sung=None,
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


@pytest.fixture
def planned(run, song, tmp_path):
    """Write the plan of the song with some values changed; return its name."""

    def planned(**changes):
        plan = json.loads(run("plan", "--manifest", song, "--json").stdout)
        (tmp_path / "p.json").write_text(json.dumps(plan | changes))
        return "p.json"

    return planned
