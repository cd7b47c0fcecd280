"""What streams learn besides the denoising, in a real training."""

import json

import pytest
import torch
from safetensors.torch import load_file

from muze.pipelines.train_diffusion import train
from muze.report import SilentReport

STREAMS = {"section": {"vector": 8, "frames": 8}, "phoneme": {"vector": 8, "hidden": 16}}


@pytest.fixture
def sung(dataset):
    """Write the dataset with words, timed or not; return its path."""

    def sung(timed):
        content = json.loads(dataset.read_text())
        for track in content["tracks"]:
            phonemes = [
                {"phoneme": symbol, "start": k / 4, "end": k / 4 + length}
                for k in range(int(4 * track["duration"]))
                for symbol, length in [("a", 0.2) if k % 2 else ("s", 0.05)]
            ]
            track |= {"phoneme_timestamps": phonemes} if timed else {"phonemes_ipa": ["sasa"]}
        path = dataset.with_name(f"sung-{timed}.json")
        path.write_text(json.dumps(content))
        return path

    return sung


def trained(settings):
    train(settings, SilentReport())
    state = json.loads((settings.run / "state" / "state.json").read_text())
    return state["losses"], load_file(settings.run / "denoiser" / "denoiser.safetensors")


def test_lengths_of_sounds_are_learned_beside_the_denoising(diffusion_settings, sung):
    settings = diffusion_settings("lengths", dataset=sung(True), streams=STREAMS, steps=8)
    rows, _ = trained(settings)
    told = [row for row in rows if "phoneme" in row]
    assert told
    for row in told:
        assert row["loss"] == pytest.approx(row["diffusion"] + 0.1 * row["phoneme"], rel=1e-5)
    assert told[-1]["phoneme"] < 0.8 * told[0]["phoneme"]
    page = (settings.run / "report.html").read_text()
    assert "<title>phoneme</title>" in page  # also where some steps tell none


def test_no_lengths_no_loss(diffusion_settings, sung):
    settings = diffusion_settings("wordless", dataset=sung(False), streams=STREAMS, steps=2)
    rows, _ = trained(settings)
    assert [list(row) for row in rows] == [["loss", "diffusion"]] * 2
    assert all(row["loss"] == row["diffusion"] for row in rows)


def test_at_weight_zero_nothing_learns_from_lengths(diffusion_settings, sung):
    runs = {
        timed: diffusion_settings(
            f"weightless-{timed}", dataset=sung(True), streams=STREAMS, steps=1,
            auxiliary_weight=weight, ema=0.0, weight_decay=0.0, clip=1e9,
        )
        for timed, weight in (("without", 0), ("with", 0.1))
    }  # fmt: skip
    (off, without), (on, withal) = (trained(settings) for settings in runs.values())
    assert list(off[0]) == ["loss"]
    assert off[0]["loss"] == on[0]["diffusion"]
    moved = {name for name in without if not torch.equal(without[name], withal[name])}
    assert moved
    assert all(name.startswith("conditioning.encoders.phoneme.") for name in moved)
    assert any(".length." in name for name in moved)
