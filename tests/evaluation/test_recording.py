import json
import subprocess
import sys

import pytest

from muze.audio.io import write_audio
from muze.core.errors import ManifestError, MuzeError, PluginError
from muze.evaluation import ceilings
from muze.evaluation.judged_plan import plan_to_judge
from muze.evaluation.recording import dropped_figures, evaluate, evaluate_file
from muze.pipelines import model_info
from muze.report import SilentReport


@pytest.fixture(scope="module")
def found(right, plan, registry):
    return evaluate(right, plan, registry, dropped={"chord.chord majmin": 0.25})


def by_name(evaluation):
    return {row["name"]: row for row in evaluation.adherence["scores"]}


def test_a_song_as_asked_scores_high_and_another_low(found, wrong, plan, registry):
    good, bad = by_name(found), by_name(evaluate(wrong, plan, registry))
    assert good["chord majmin"]["value"] > 0.8
    assert bad["chord majmin"]["value"] < 0.3
    assert good["tempo Acc2"]["value"] == 1
    assert bad["tempo Acc2"]["value"] == 0
    assert good["chord majmin"]["dropped"] == 0.25
    assert good["chord triads"]["dropped"] is None
    assert all(row["extractor"] for row in good.values())


def test_what_was_asked_and_what_was_heard_are_told_over_time(found):
    assert [c["chord"] for c in found.asked["chords"]] == ["C", "Am", "C", "Am"]
    assert [s["type"] for s in found.asked["segments"]] == ["verse", "chorus"]
    assert found.asked["downbeat_positions"] == [0, 2, 4, 6]
    heard = {c["chord"] for c in found.heard["chords"] if c["end"] - c["start"] > 1}
    assert heard == {"C", "Am"}
    json.dumps([found.asked, found.heard])


def test_a_ceiling_is_told_of_the_extractor_it_was_measured_with(tmp_path, monkeypatch, found):
    row = by_name(found)["chord majmin"]
    other = {**by_name(found)["tempo Acc1"], "extractor": "an older ear 0 (muze 0)"}
    songs = [[{**row, "value": 1.0}, other], [{**row, "value": 0.5}, other]]
    path = tmp_path / "ceilings.json"
    ceilings.write_ceilings({"heard in": "two songs"}, songs, path)
    known = ceilings.read_ceilings(path)
    assert known["chord.chord majmin"]["mean"] == 0.75
    assert known["chord.chord majmin"]["count"] == 2
    monkeypatch.setattr(ceilings, "read_ceilings", lambda: known)
    assert ceilings.ceiling_of(row)["mean"] == 0.75
    assert ceilings.ceiling_of(by_name(found)["tempo Acc1"]) is None
    assert ceilings.ceiling_of(by_name(found)["chord IOU"]) is None


def test_a_file_of_another_rate_is_heard_as_its_sound_is(found, right, plan, registry, tmp_path):
    write_audio(tmp_path / "rival.flac", right)
    told = by_name(evaluate_file(tmp_path / "rival.flac", plan, registry, SilentReport(), None))[
        "chord majmin"
    ]
    assert told["value"] == pytest.approx(by_name(found)["chord majmin"]["value"], abs=0.05)


class Noting(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_no_model_need_be_installed(tmp_path, registry):
    path = tmp_path / "song.yaml"
    path.write_text(
        "muze: 1\nprompt: tones\nseed: 1\nmodel: nowhere\n"
        'streams: {chord: [C, Am], f0: {melody: "A4:4 C5:4"}}\n'
    )
    report = Noting()
    plan = plan_to_judge(path, None, registry, report)
    assert {"f0", "chord"} <= set(plan.streams)
    assert len(report.notes) == 1
    assert report.notes[0].startswith("planned for no model, since ")
    assert "nowhere" in report.notes[0]


def test_what_is_wrong_with_a_manifest_is_told_whatever_the_model(tmp_path, registry, monkeypatch):
    path = tmp_path / "song.yaml"
    path.write_text("muze: 1\nprompt: x\ntempo: fast\nkey: H major\n")

    def none(song, registry):
        raise PluginError("none")

    monkeypatch.setattr(model_info, "find_model", none)
    with pytest.raises(ManifestError) as told:
        plan_to_judge(path, None, registry, SilentReport())
    lines = str(told.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["tempo", "key"]


def test_a_plan_is_taken_as_it_is(tmp_path, plan, registry):
    path = tmp_path / "song.plan.json"
    path.write_text(plan.to_json())
    assert plan_to_judge(path, None, registry, SilentReport()).seed == plan.seed


def test_what_a_model_gets_with_nothing_told_is_read_without_its_weights(tmp_path, registry):
    (tmp_path / "muze.json").write_text(
        json.dumps({"muze_model": 1, "parts": {}, "evaluation": {"dropped": {"a.b": 0.5}}})
    )
    assert dropped_figures(str(tmp_path), tmp_path, registry) == {"a.b": 0.5}
    with pytest.raises(MuzeError, match="nowhere"):
        dropped_figures("nowhere", tmp_path, registry)


def test_nothing_that_makes_music_is_needed(right, plan, registry, monkeypatch):
    for name in ("denoiser", "autoencoder", "unet", "checkpoint"):
        monkeypatch.setitem(sys.modules, f"muze.model.{name}", None)
    assert by_name(evaluate(right, plan, registry))["chord majmin"]["value"] > 0.8


@pytest.mark.slow
def test_nothing_that_makes_music_is_loaded(tmp_path, right, plan):
    """In a process of its own, as other tests have loaded it."""
    write_audio(tmp_path / "a.wav", right)
    (tmp_path / "a.plan.json").write_text(plan.to_json())
    code = (
        "import sys, pathlib\n"
        "from muze.audio.io import read_audio\n"
        "from muze.evaluation import evaluate\n"
        "from muze.pipelines.plan import read_plan\n"
        "plan = read_plan(pathlib.Path('a.plan.json'))\n"
        "found = evaluate(read_audio(pathlib.Path('a.wav')), plan)\n"
        "assert found.adherence['scores']\n"
        "makers = ('denoiser', 'autoencoder', 'unet', 'checkpoint')\n"
        "print([m for m in sys.modules if m.startswith('muze.model.') and m.endswith(makers)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
