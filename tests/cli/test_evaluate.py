import json
from pathlib import Path

import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.core.grid import Audio
from muze.evaluation import copy_synthesis, recording, suite
from muze.evaluation.recording import Evaluation
from muze.pipelines import model_info


@pytest.fixture
def row():
    def row(stream, name, value):
        return {
            "stream": stream, "name": name, "value": value, "unit": "distance", "floor": None,
            "higher_is_better": False, "extractor": "a copy", "ceiling": None, "origin": "asked",
            "dropped": None,
        }  # fmt: skip

    return row


@pytest.fixture
def measuring(monkeypatch, adherence):
    """Stand in for the measure: note the plans a recording is measured against."""
    plans = []

    def evaluate_file(audio, plan, registry, report, dropped, vocal):
        plans.append(plan)
        return Evaluation(adherence, {}, {})

    monkeypatch.setattr(recording, "evaluate_file", evaluate_file)
    return plans


def test_a_recording_is_measured_against_a_manifest(run, song, measuring, adherence):
    done = run("evaluate", "a.wav", "--manifest", song)
    assert "majmin" in done.stdout
    assert "* decided by muze, not asked" in done.stdout
    assert "an ear 1" in done.stdout
    assert done.stderr == ""
    told = run("evaluate", "a.wav", "--manifest", song, "--json")
    assert json.loads(told.stdout) == adherence
    run("evaluate", "a.wav", "--manifest", song, "--seed", 3)
    assert [plan.seed for plan in measuring] == [7, 7, 3]


def test_what_a_vocoder_would_cost_is_told_beside(run, song, measuring, monkeypatch, row):
    asked = []

    def copy_rows(audio, model, registry):
        asked.append(model)
        return [row("vocoder", "griffin_lim log-mel L1 distance", 0.125)]

    monkeypatch.setattr(copy_synthesis, "copy_rows", copy_rows)
    monkeypatch.setattr(recording, "dropped_figures", lambda *_: {})
    write_audio(song.parent / "a.wav", Audio(np.zeros((1, 800), np.float32), 32_000))
    done = run("evaluate", "a.wav", "--manifest", song, "--copy-synthesis")
    assert "griffin_lim log-mel L1 distance" in done.stdout
    assert "0.125" in done.stdout
    run("evaluate", "a.wav", "--manifest", song, "--copy-synthesis", "--model", "mine")
    assert asked == ["starter", "mine"]


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
     (("--plan", "p.json", "--seed", "3"), "cannot be changed by --seed"),
     (("--manifest", "p.plan.json", "--seed", "3"), "cannot be changed by --seed"),
     (("--manifest", "song.yaml", "--num-songs", "3"), "--num-songs goes with --suite"),
     (("--manifest", "song.yaml", "--output", "x"), "--output goes with --suite"),
     (("--manifest", "song.yaml", "--device", "cuda"), "--device goes with --suite"),
     (("b.wav", "c.wav", "--manifest", "song.yaml"), "one recording or two"),
     (("--suite", "held-out", "--manifest", "song.yaml"), "--manifest is of recordings"),
     (("--manifest", "song.yaml", "--write-evaluation"), "--write-evaluation goes with --suite"),
     (("--suite", "held-out", "--write-evaluation", "--seconds", "5"), "goes without --seconds"),
     (("--suite", "held-out", "--vocal", "v.wav"), "--vocal is of recordings"),
     (("b.wav", "--manifest", "song.yaml", "--vocal", "v.wav"), "--vocal is of one recording"),
     (("--suite", "held-out", "--model", "starter"), "not both")],
)  # fmt: skip
def test_what_is_measured_against_is_said_once(run, measuring, args, told):
    done = run("evaluate", "a.wav", *args)
    assert (done.exit_code, measuring) == (2, [])
    assert told in done.stderr


def test_two_recordings_stand_side_by_side(run, song, measuring, tmp_path):
    done = run("evaluate", "a.wav", "b.wav", "--manifest", song)
    assert (done.exit_code, len(measuring)) == (0, 2)
    assert "b less a" in done.stdout
    told = json.loads(run("evaluate", "a.wav", "b.wav", "--manifest", song, "--json").stdout)
    assert [row["difference"] for row in told["rows"]] == [0, 0]
    assert (told["a"], told["b"]) == ("a.wav", "b.wav")


def test_folders_without_evaluations_are_told(run, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    done = run("evaluate", "one", "two", "--vocal", "v.wav")
    assert (done.exit_code, "take no --vocal" in done.stderr) == (2, True)
    done = run("evaluate", "one", "two")
    assert done.exit_code == 1
    assert "is no evaluation" in done.stderr


def test_faults_of_a_suite_are_told_before_anything_is_rendered(run, tmp_path):
    done = run("evaluate", "--suite", "held-oat")
    assert (done.exit_code, "did you mean 'held-out'" in done.stderr) == (1, True)
    done = run("evaluate", "--suite", "held-out", "mine", "mine")
    assert (done.exit_code, "given twice" in done.stderr) == (2, True)
    done = run("evaluate", "--suite", "held-out", "a/mine", "b/mine")
    assert (done.exit_code, "both models are called mine" in done.stderr) == (2, True)


def test_a_model_that_cannot_be_written_is_told_before_anything_is_rendered(run, monkeypatch):
    monkeypatch.setattr(suite, "plan_suite", lambda *_: [])
    monkeypatch.setattr(model_info, "model_folder", lambda *_: Path("mine"))
    done = run("evaluate", "--suite", "held-out", "--model", "mine", "--write-evaluation")
    assert (done.exit_code, done.stderr) == (
        1, "muze: mine: no evaluation can be written there; it is not writable\n",
    )  # fmt: skip


def test_where_nothing_is_written_an_output_may_lie_anywhere(run, tmp_path, monkeypatch, measuring):
    song = tmp_path / "far.yaml"
    monkeypatch.chdir(_folder(tmp_path / "here"))
    song.write_text("muze: 1\nprompt: x\nseed: 1\noutput: {path: gone/far.wav}\n")
    assert run("evaluate", "a.wav", "--manifest", song).exit_code == 0
    done = run("plan", "--manifest", song, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["output"]["path"] == str(tmp_path / "gone" / "far.wav")
    done = run("generate", "--manifest", song, "--dry-run")
    assert (done.exit_code, "output.path: " in done.stderr) == (1, True)
    song.write_text("muze: 1\nprompt: x\noutput: {stems: true}\n")
    done = run("evaluate", "a.wav", "--manifest", song)
    assert (done.exit_code, "no model has stems" in done.stderr) == (1, True)


def _folder(path):
    path.mkdir()
    return path
