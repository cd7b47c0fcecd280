"""The page of a run: whole HTML, nothing from outside but its sounds, and the figures it says."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from muze.core.errors import CheckpointError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines import run_report
from muze.pipelines.preview import Previews
from muze.pipelines.report_previews import MOST
from muze.pipelines.run_report import facts, rewrite_report, run_page, write_report
from muze.pipelines.training import LoopSettings
from muze.report import SilentReport

NASTY = "<script>alert(1)</script>\"'--></style>"
VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Collects a page's tags and texts, and checks that what opens closes in turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())

    def all(self, tag, key):
        return [value for t, k, value in self.attributes if (t, k) == (tag, key)]


def figure(stream, name, value, unit="share", floor=None):
    return {"stream": stream, "name": name, "value": value, "unit": unit,
            "higher_is_better": True, "floor": floor}  # fmt: skip


@pytest.fixture
def about(tmp_path):
    settings = LoopSettings(dataset=tmp_path / "songs.json", run=tmp_path / "mine", steps=80)
    return {
        "name": "diffusion", "step": 60, "settings": settings.model_dump(mode="json"),
        "dataset_sha256": "ab" * 32,
        "losses": [{"loss": 1 / (1 + k), "phoneme": 0.5} for k in range(60)],
        "validated": [{"step": 20, "loss": 0.2}, {"step": 40, "loss": 0.1},
                      {"step": 60, "loss": 0.4}],
        "norms": [2.0] * 30 + [None] + [0.5] * 29, "step_seconds": [None] * 10 + [0.25] * 50,
        "seconds": 3600.0, "waited": 36.0, "weights": {"all": 1234567, "trained": 1000},
        "sessions": [{"step": 0, "began": "2026-01-01 10:00", "device": "a fast CPU",
                      "processes": 2, "threads": 4, "torch": "2.99", "muze": "0.1"}],
    }  # fmt: skip


@pytest.fixture
def run(tmp_path, about):
    """The folder of a run with previews of a second, every five steps up to one too many."""
    settings = LoopSettings(dataset=tmp_path / "songs.json", run=tmp_path / "mine")
    settings.run.mkdir()
    previews = Previews(settings, Registry(), SilentReport())
    sound = Audio(np.full((1, 3200), 0.1, np.float32), 32000)
    mels = {"true": torch.zeros(8, 10), "made": torch.ones(8, 10)}
    previews.write(5, sound, mels, lambda: sound)
    folder = settings.run / "previews"
    for step in range(5, 66, 5):
        told = {"step": step, "prompt": f"calm {NASTY}",
                "scores": [figure("chord", "majmin", step / 100, floor=0.04),
                           figure("tempo", "error", float("nan"), "%")],
                "unheard": {"lyrics": f"no ears {NASTY}"}}  # fmt: skip
        (folder / f"step-{step:06d}.json").write_text(json.dumps(told))
        for kind in ("wav", "webp"):
            (folder / f"step-{step:06d}.{kind}").write_bytes(
                (folder / f"step-000005.{kind}").read_bytes()
            )
    truth = {"sha256": "0", "scores": [figure("chord", "majmin", 0.875, floor=0.04)]}
    (folder / "truth.json").write_text(json.dumps(truth))
    return settings.run


def test_a_page_is_whole_and_loads_nothing_but_its_sounds(run, about):
    text = run_page(run, about)
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in text
    sounds = page.all("audio", "src")
    assert len(sounds) == MOST + 1
    assert all((run / sound).is_file() for sound in sounds)
    assert page.all("audio", "preload") == ["none"] * len(sounds)
    pictures = page.all("img", "src")
    assert len(pictures) == MOST
    assert all(picture.startswith("data:image/webp;base64,") for picture in pictures)
    (policy,) = [value for value in page.all("meta", "content") if "default-src" in value]
    assert "default-src 'none'" in policy
    assert "prefers-color-scheme: dark" in text


def test_what_others_wrote_is_text(run, about):
    about["settings"]["start"] = NASTY
    about["sessions"][0]["device"] = NASTY
    about["losses"][0][NASTY] = 1.0
    page = Page(run_page(run, about))
    assert "script" not in page.tags
    assert {NASTY, f"Step 60: calm {NASTY}", f"lyrics: no ears {NASTY}"} <= set(page.texts)


def test_the_first_and_the_last_preview_are_shown_and_none_to_come(run, about):
    page = Page(run_page(run, about))
    steps = [int(src[-10:-4]) for src in page.all("audio", "src") if "step" in src]
    assert (steps[0], steps[-1]) == (60, 5)
    assert steps == sorted(steps, reverse=True)
    assert f"{MOST} of 12, the last one first." in page.texts


def test_every_figure_stands_beside_chance_and_the_song_itself(run, about):
    text = run_page(run, about)
    row = next(line for line in text.splitlines() if "majmin" in line and line.startswith("<tr>"))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells[:6] == ["chord", "majmin", "share", "more", "0.04", "0.875"]
    assert (cells[6], cells[-1]) == ("0.05", "0.6")
    assert "step 60" in text
    assert "chord (share)" in Page(text).texts


def test_the_curves_are_there(run, about):
    texts = Page(run_page(run, about)).texts
    titles = ("Loss", "What the loss is made of", "Learning rate", "Norm of the gradient")
    lines = ("loss, validated", "clipped to 1", "phoneme", "Steps a second", "a fast CPU", "2.99")
    assert {*titles, *lines} <= set(texts)


def test_the_facts_are_told_in_words(about):
    assert facts(about) == [
        f"loss {np.mean([1 / (1 + k) for k in range(60)]):.4g}, mean of the last 60 steps",
        "validated 0.4 at step 60, best 0.1 at step 40",
        "1:00:00 in steps, 1.0% of it waiting for data; 0:20:00 left",
        "1,234,567 weights, 1,000 of them trained",
        f"dataset {about['settings']['dataset']}, sha256 abababababababab",
    ]


def test_a_run_that_has_just_begun_has_a_page(tmp_path, about):
    young = {"step": 0, "settings": about["settings"], "losses": []}
    page = Page(run_page(tmp_path, young))
    assert "There are none; preview_every says how often one is made." in page.texts
    assert "audio" not in page.tags


def test_the_page_is_written_whole_and_can_be_written_again(run, about, monkeypatch):
    path = write_report(run, about)
    assert path == run / "report.html"
    before = path.read_text()
    (run / "state").mkdir()
    (run / "state" / "state.json").write_text(json.dumps(about))
    path.unlink()
    assert rewrite_report(run).read_text() == before

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_report, "run_page", stop)
    with pytest.raises(KeyboardInterrupt):
        rewrite_report(run)
    assert path.read_text() == before


def test_no_run_has_no_page(tmp_path):
    with pytest.raises(CheckpointError, match="there is no run"):
        rewrite_report(tmp_path)
