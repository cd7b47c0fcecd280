"""Tests of ``muze dataset build``, ``add`` and ``scan`` as commands."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest
import soundfile

from muze.data.store import read_dataset
from muze.pipelines import build_dataset as building
from muze.pipelines.listening import open_listener


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Let tracks be heard here: what is tested is not the engine."""

    def annotate(tasks, settings):
        listener = open_listener(settings)
        yield from (listener.annotate(task) for task in tasks)

    monkeypatch.setattr(building, "_annotate", annotate)


@pytest.fixture
def music(tmp_path):
    (tmp_path / "music").mkdir()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    soundfile.write(tmp_path / "music" / "a.wav", noise, 16000)
    return tmp_path / "music"


def test_a_broken_file_is_told_and_exits_with_1(run, music):
    (music / "text.mp3").write_text("no sound " * 500)
    done = run("dataset", "build", "music", "-o", "set.json", "--streams", "loudness,", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "set.json\n")
    assert "1 tracks, 1 of them newly heard, 1 broken" in done.stderr
    assert "muze: music/text.mp3: is no sound that can be read" in done.stderr


def test_where_all_are_broken_every_reason_is_told(run, music, tmp_path):
    (music / "a.wav").write_bytes(b"")
    (music / "b.flac").write_text("no sound")
    (music / "c.ogg").symlink_to("nowhere.ogg")
    done = run("dataset", "build", "music", "-o", "set.json", "--streams", "loudness", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "0 tracks, 0 of them newly heard, 3 broken",
        "muze: music/a.wav: the file is empty",
        "muze: music/b.flac: is no sound that can be read (Format not recognised)",
        "muze: music/c.ogg: is a link to nothing",
    ]
    assert len(json.loads((tmp_path / "set.report.json").read_text())["broken"]) == 3
    assert not (tmp_path / "set.json").exists()


def test_tracks_of_another_folder_are_not_dropped_without_being_told(run, music, tmp_path):
    (tmp_path / "more").mkdir()
    soundfile.write(tmp_path / "more" / "b.wav", np.full(16000, 0.1), 16000)
    command = ("-o", "set.json", "--streams", "loudness", "--quiet")
    assert run("dataset", "build", "music", *command).exit_code == 0
    done = run("dataset", "build", "more", *command)
    assert (done.exit_code, done.stderr) == (
        1, "muze: set.json: has 1 tracks that are not under more, the first is music/a.wav; "
        "`muze dataset add` keeps them, --force leaves them out\n",
    )  # fmt: skip
    assert run("dataset", "add", "more", *command).exit_code == 0
    assert len(read_dataset(tmp_path / "set.json").tracks) == 2


def test_an_interrupted_build_says_what_is_left(run, music, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "_annotate", interrupted)
    done = run("dataset", "build", "music", "-o", "set.json", "--streams", "loudness", "--quiet")
    assert (done.exit_code, done.stderr) == (
        130, "muze: interrupted; what was heard is kept, and the same command goes on from there\n"
    )  # fmt: skip


@pytest.mark.parametrize("streams", ["", " , "])
def test_no_streams_are_told_as_such(run, music, streams):
    done = run("dataset", "build", "music", "-o", "set.json", "--streams", streams)
    assert done.exit_code == 1
    assert done.stderr.startswith("muze: --streams names none; say some, as beat,key,chord")


def test_settings_that_are_misspelt_are_told_with_the_nearest(run, music):
    wrong = ("--set", "f0.extracter=pyin", "--set", "f0.frams=3")
    done = run("dataset", "build", "music", "-o", "set.json", *wrong)
    assert done.exit_code == 1
    assert "extracter: unknown key; did you mean 'extractor'?" in done.stderr
    assert "frams: unknown key; did you mean 'frames'?" in done.stderr


def test_what_is_not_installed_is_told_in_a_line_of_a_build(run, music, tmp_path):
    soundfile.write(music / "b.wav", np.full(16000, 0.1), 16000)
    settings = ("--streams", "clap", "--set", "clap.checkpoint=laion/larger_clap_music")
    done = run("dataset", "build", "music", "-o", "set.json", *settings, "--quiet")
    notes = [line for line in done.stderr.splitlines() if "clap" in line]
    assert notes == [
        "note: clap: its weights are not installed; `hf download laion/larger_clap_music` fetches "
        "them"
    ]


def test_a_scan_of_nothing_says_so_and_exits_with_1(run, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("dataset", "scan", "empty", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("muze: empty: holds no sound files, which end in .aac, ")
    (tmp_path / "empty" / "gone.wav").symlink_to("nowhere.wav")
    done = run("dataset", "scan", "empty", "--quiet")
    assert done.exit_code == 1
    assert "left out: gone.wav: is a link to nothing" in done.stdout


def test_a_scan_tells_what_a_build_would_do(run, music):
    done = run("dataset", "scan", "music", "--quiet")
    assert done.exit_code == 0
    assert done.stdout.startswith("1 files (1 .wav), 0.00 h\n")


@pytest.mark.parametrize("command", ["build", "add"])
def test_the_help_says_what_the_exit_code_tells(run, command):
    told = " ".join(run("dataset", command, "--help").stdout.split())
    assert "Exits with 1 if any file is broken" in told


def test_ray_that_cannot_be_reached_is_told(run, music, monkeypatch):
    monkeypatch.undo()  # the engine itself
    monkeypatch.chdir(music.parent)
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    command = ("dataset", "build", "music", "-o", "set.json", "--streams", "loudness")
    done = run(*command, "--engine", "ray", "--quiet")
    assert done.exit_code == 1
    assert done.stderr.startswith("muze: no Ray is at 127.0.0.1:1, as RAY_ADDRESS says")
