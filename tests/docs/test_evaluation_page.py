"""docs/evaluation.md is true: its Python runs, and its table names what streams tell first."""

import re
from pathlib import Path

import pytest

import muze
from muze.audio.io import write_audio
from muze.core.registry import Registry
from muze.pipelines.plan import plan_file
from muze.pipelines.thresholds import figures_of
from muze.testing.sounds import chords

PAGE = (Path(muze.__file__).parent.parent / "docs/evaluation.md").read_text(encoding="utf-8")
SONG = """muze: 1
prompt: test tones
seed: 1
tempo: 120
key: C major
structure: {sections: [{type: verse, bars: 2, energy: 0.2}, {type: chorus, bars: 2, energy: 0.9}]}
streams:
  chord: [C, Am]
  f0: {melody: "A4:4 C5:4"}
  melody: {notes: "A4:4 C5:4"}
  midi: {notes: {piano: "A4:4 C5:4"}}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "song.yaml"
    path.write_text(SONG)
    return plan_file(path, Registry(), writes=False)


def test_the_table_names_first_what_a_stream_tells_first(plan):
    told = dict(re.findall(r"^\| (\w+) \| ([^|]+) \|", PAGE, re.MULTILINE))
    figures = {name: found for name, found in figures_of(plan, Registry()).items() if found}
    assert {"tempo", "beat", "key", "chord", "section", "energy", "f0", "melody", "midi"} <= set(
        figures
    )
    for name, found in figures.items():
        assert told[name].startswith(found[0]), name


def test_its_python_runs(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_audio(Path("song.wav"), chords(["C", "Am", "C", "Am"], 2.0))
    Path("song.plan.json").write_text(plan.to_json())
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(code, names)
    told = code.partition("# ")[2].strip().split(", ")
    assert names["rows"]
    assert all(key in row for row in names["rows"] for key in told)
