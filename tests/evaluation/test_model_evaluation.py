import json

import pytest

from muze.evaluation.model_evaluation import model_evaluation, write_evaluation
from muze.evaluation.suite_run import summary
from muze.pipelines.model_card import evaluation_part, model_card


@pytest.fixture
def found(row):
    """An evaluation of two songs, with the best of two renders, and of how it sounds."""
    songs = [
        {"told": {"scores": [row("chord", "majmin", told)]},
         "dropped": {"scores": [row("chord", "majmin", 0.1)]},
         "best": {"scores": [row("chord", "majmin", 0.75)]}}
        for told in (0.25, 0.5)
    ]  # fmt: skip
    interval = {"mean": 0.125, "low": 0.1, "high": 0.2, "count": 3}
    return {
        "suite": "held-out", "model": "mine", "sampler": "ddim", "steps": 4, "best_of": 2,
        "guidance": {"all": 2.0}, "songs": songs, "figures": summary(songs),
        "sound": {"embedding": "an embedding 1", "reference": "/far/music",
                  "told": {"distance": 1.5, "windows": 40}},
        "copy_synthesis": {"vocoder": "vocos", "reference": "/far/music",
                           "figures": {"stft": interval, "mel": interval}},
    }  # fmt: skip


def test_the_header_has_the_means_and_how_they_were_made(found):
    told = model_evaluation(found)
    assert (told["told"], told["dropped"], told["best"]) == (
        {"chord.majmin": 0.375}, {"chord.majmin": 0.1}, {"chord.majmin": 0.75},
    )  # fmt: skip
    assert told["render"]["manifests"] == 2
    assert told["sound"] == {
        "Frechet distance to music by an embedding 1": 1.5,
        "vocos multi-resolution STFT distance, copy-synthesis of music": 0.125,
        "vocos log-mel L1 distance, copy-synthesis of music": 0.125,
    }
    alone = model_evaluation({**found, "best_of": 1, "sound": {"reason": "too little"},
                              "copy_synthesis": {}})  # fmt: skip
    assert alone.keys() == {"told", "dropped", "render"}


def test_a_card_gets_the_figures_and_keeps_what_else_it_says(found, tmp_path):
    header = {"muze_model": 1, "parts": {}, "licence": "MIT"}
    (tmp_path / "muze.json").write_text(json.dumps(header))
    card = model_card("mine", header).replace("## Limits", "## Limits\n\n- It is shy.")
    (tmp_path / "README.md").write_text(card)
    write_evaluation(tmp_path, found)
    written = json.loads((tmp_path / "muze.json").read_text())
    assert written["evaluation"] == model_evaluation(found)
    fresh = (tmp_path / "README.md").read_text()
    assert "| chord.majmin | 0.375 | 0.100 | 0.750 |" in fresh
    assert "| figure | told | words alone | best of 2 |" in fresh
    assert "- Frechet distance to music by an embedding 1: 1.500" in fresh
    assert fresh.replace(evaluation_part(written), evaluation_part(header)) == card
    write_evaluation(tmp_path, found)
    assert (tmp_path / "README.md").read_text() == fresh


def test_a_model_without_a_card_keeps_none(found, tmp_path):
    (tmp_path / "muze.json").write_text('{"muze_model": 1, "parts": {}}')
    write_evaluation(tmp_path, found)
    assert not (tmp_path / "README.md").exists()
