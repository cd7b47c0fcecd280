"""The shipped weights are whole, and make music that follows its chords."""

import json

from muze_starter import folder

from muze.core.files import sha256
from muze.core.registry import Registry
from muze.manifest import song_from_options
from muze.model.header import read_header
from muze.pipelines.generate import generate
from muze.pipelines.model_info import find_model
from muze.pipelines.plan import plan_song
from muze.report import SilentReport


def test_every_file_is_the_one_the_header_tells_of():
    for part in read_header(folder())["parts"].values():
        assert sha256(folder() / part["file"]) == part["sha256"]


def test_the_installed_starter_renders_a_song_and_measures_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = Registry()
    song = song_from_options(
        {"PROMPT": "synthwave, 120 bpm, in A minor", "--duration": 4.0, "--seed": 1,
         "--num-steps": 6, "--output": "song.wav"}
    )  # fmt: skip
    plan = plan_song(song, registry, find_model(song, registry))
    rendered = generate(plan, registry, SilentReport(), "cpu")
    adherence = json.loads(rendered.adherence_path.read_text())
    figures = {row["name"]: row["value"] for row in adherence["scores"]}
    assert figures["loudness error"] < 1
    assert figures["chord majmin"] > 0.2
