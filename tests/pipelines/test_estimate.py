"""An estimate beside the training it is of; times are compared by benchmarks/estimate.py."""

import json

import pytest
import yaml
from safetensors.torch import load_file

from muze.cli.tables import show_estimate
from muze.core.errors import MuzeError
from muze.data.store import read_dataset
from muze.pipelines import estimate as estimating
from muze.pipelines import on_meta
from muze.pipelines.estimate import estimate
from muze.pipelines.trial import sample
from muze.report import SilentReport


class Tasks(SilentReport):
    """Notes how far each task came."""

    def __init__(self):
        self.done = {}

    def task(self, description, total):
        self.done[description] = [0, total]

        def advance(steps=1, note=""):
            self.done[description][0] += steps

        return advance


@pytest.fixture
def settings(request):
    def settings(what, run="estimated", **changes):
        return request.getfixturevalue(f"{what}_settings")(run, **changes)

    return settings


@pytest.mark.parametrize(
    ("what", "trained"), [("vae", "vae"), ("diffusion", "denoiser"), ("vocoder", "vocoder")]
)
def test_an_estimate_is_that_of_the_training(settings, request, what, trained):
    request.getfixturevalue(trained)
    changes = {"crop_frames": 32} if what == "vocoder" else {}
    changes |= {"linear_start": True} if what == "vae" else {}
    real = settings(what, trained if what != "diffusion" else "diffusion", **changes)
    report = Tasks()
    found = estimate(what, settings(what, batch_size=4, **changes), report)
    about = json.loads((real.run / "state" / "state.json").read_text())
    assert {"all": found.weights, "trained": found.trained} == about["weights"]
    tensors = load_file(real.run / "state" / "state.safetensors").values()
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert found.checkpoint == pytest.approx(size, rel=0.01)
    assert found.disk == 2 * found.checkpoint
    assert found.memory["gradients"] == 4 * found.trained
    assert found.memory["activations"] > 0
    assert found.needed >= found.checkpoint + found.memory["program"]
    assert found.seconds == 5 * found.step_seconds > 0
    assert found.fits
    assert "whole batch" in found.basis
    assert report.done == {"trying steps": [3, 3]}
    assert not settings(what).run.exists()


def test_activations_grow_with_the_batch_and_shrink_with_micro_batches(settings):
    def activations(**changes):
        told = settings("diffusion", crop_frames=128, **changes)
        return estimate("diffusion", told, SilentReport()).memory["activations"]

    one, four = activations(batch_size=1), activations(batch_size=4)
    assert 3 * one < four < 4.2 * one
    assert activations(batch_size=8, accumulate=2) == pytest.approx(four, rel=0.1)


def test_what_may_not_fit_is_scaled_from_one_crop(settings, monkeypatch):
    told = settings("diffusion", batch_size=4)
    whole = estimate("diffusion", told, SilentReport())
    monkeypatch.setattr(estimating, "memory", lambda _: (whole.needed // 2, 0))
    found = estimate("diffusion", told, SilentReport())
    assert "one crop, times 4" in found.basis
    assert not found.fits
    scaled, measured = (one.memory["activations"] for one in (found, whole))
    assert scaled == pytest.approx(measured, rel=0.3)
    assert found.advice.startswith("lower first what changes no loss")
    assert "--accumulate 2" in found.advice


@pytest.mark.parametrize("what", ["vae", "diffusion"])
def test_a_network_that_does_not_fit_is_weighed_and_not_run(settings, monkeypatch, capsys, what):
    monkeypatch.setattr(estimating, "memory", lambda _: (10_000, 0))
    monkeypatch.setattr(estimating, "try_steps", None)
    told = settings(what, keep=3)
    found = estimate(what, told, SilentReport())
    network = told.unet if what == "diffusion" else told.autoencoder
    assert found.weights == on_meta.count(network)
    assert found.memory["activations"] > 0
    assert (found.step_seconds, found.seconds) == (None, None)
    assert found.disk == 5 * found.checkpoint
    assert "weighed, not run" in found.basis
    show_estimate(found)
    shown = capsys.readouterr().out
    assert "it does not fit" in shown
    assert "a step" not in shown


def test_the_tracks_tried_are_short_and_say_most(settings, dataset):
    found = sample(settings("diffusion", crop_frames=352))
    assert {round(record["duration"], 1) for record in found.tracks} == {4.0, 4.8}
    tracks = read_dataset(dataset).tracks
    assert found.seconds == pytest.approx(sum(record["duration"] for record in tracks))
    one = sample(settings("diffusion", max_tracks=1))
    assert one.seconds == tracks[0]["duration"]


def test_what_cannot_be_trained_is_told_as_by_the_training(settings):
    with pytest.raises(MuzeError, match="crop_frames is 60; it must be a multiple of 8"):
        estimate("vae", settings("vae", crop_frames=60), SilentReport())


def test_one_of_several_processes_estimates_nothing(settings, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MuzeError, match="--estimate is of one process"):
        estimate("vae", settings("vae"), SilentReport())


def test_the_command_prints_it_and_starts_nothing(settings, tmp_path):
    from typer.testing import CliRunner

    from muze.cli import app

    told = json.loads(settings("vae", linear_start=True).model_dump_json(exclude_none=True))
    told = {key: told[key] for key in ("dataset", "autoencoder", "steps", "batch_size")}
    (tmp_path / "vae.yaml").write_text(yaml.safe_dump({**told, "crop_frames": 64}))
    given = ["train", "vae", "--config", tmp_path / "vae.yaml", "--run", tmp_path / "run"]
    given += ["--estimate", "--quiet", "--device", "cpu"]
    done = CliRunner().invoke(app, [str(word) for word in given])
    assert done.exit_code == 0, done.stderr
    assert "memory: activations" in done.stdout
    assert "a step" in done.stdout
    done = CliRunner().invoke(app, [str(word) for word in (*given, "--json")])
    found = json.loads(done.stdout)
    assert found["fits"] is True
    assert found["weights"] == found["trained"]
    assert not (tmp_path / "run").exists()
