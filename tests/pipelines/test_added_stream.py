"""A stream is added to a trained model: the same before training, the base untouched after."""

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.core.errors import MuzeError
from muze.core.grid import TimeGrid
from muze.manifest.training import read_settings
from muze.model.checkpoint import load_part
from muze.model.conditioning import Drawn
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_of, part_settings, weights_file
from muze.pipelines.components import open_streams
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import SilentReport

LOOP = {"steps": 4, "batch_size": 2, "crop_frames": 64, "warmup": 1, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def bright(dataset):
    """The session's dataset, with a brightness in every record."""
    content = json.loads(dataset.read_text())
    for index, track in enumerate(content["tracks"]):
        track["brightness"] = [0.2 + 0.3 * index, 0.9]
    path = dataset.with_name("bright.json")
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def added(bright, runs, denoiser, vae):
    """Settings that add brightness to the session's denoiser, and train nothing else."""

    def added(run, **changes):
        given = {"dataset": bright, "run": runs / run, "start": str(denoiser), "vae": vae}
        told = {**given, **LOOP, "add_stream": ["brightness"], "freeze": "base", **changes}
        return TrainingSettings.model_validate(told)

    return added


def opened(folder, registry):
    about = part_settings(folder, "denoiser", DenoiserSettings)
    model = Denoiser(about, open_streams(about.streams, registry))
    load_part(folder, "denoiser", model)
    return model.eval()


def output(model, drawn):
    latents = torch.randn(1, model.settings.unet.latent_dim, 1, 8, generator=torch.manual_seed(0))
    with torch.inference_mode():
        return model(latents, torch.tensor([0.5]), drawn)


def test_a_stream_just_added_changes_nothing(denoiser, registry):
    model = opened(denoiser, registry)
    before = output(model, {})
    stream = open_streams({"brightness": {}}, registry)["brightness"]
    model.add_stream("brightness", stream)
    grid = TimeGrid.of_song(0.64)
    features = stream.parse(stream.Values(value=[0.1, 0.9]), grid)
    told = {name: torch.from_numpy(np.asarray(array))[None] for name, array in features.items()}
    drawn = {"brightness": Drawn(told, torch.ones(1, grid.frames, dtype=torch.bool))}
    assert torch.equal(output(model, drawn), before)


def test_training_it_leaves_the_base_as_it_was(added, denoiser):
    settings = added("added")
    train(settings, SilentReport())
    before = load_file(denoiser / "denoiser.safetensors")
    after = load_file(settings.run / "denoiser" / "denoiser.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    new = {name: tensor for name, tensor in after.items() if name not in before}
    assert all("brightness" in name for name in new)
    assert new["conditioning.frames_in.brightness.weight"].any()
    assert new["unet.added.brightness.0.weight"].any()
    about = part_of(settings.run / "denoiser", "denoiser")
    assert about["settings"]["streams"]["brightness"] == {"frames": 16}
    assert about["settings"]["added"] == ["brightness"]
    assert about["streams"]["brightness"]["unseen"] == {}
    assert about["streams"]["chord"] == part_of(denoiser, "denoiser")["streams"]["chord"]


def test_stopped_it_goes_on_to_the_same_bits_by_the_run_s_folder_alone(added):
    whole, cut = added("added-whole"), added("added-cut", minutes=1e-9)
    train(whole, SilentReport())
    train(cut, SilentReport())
    resumed = read_settings(None, TrainingSettings, {"run": str(cut.run), "resume": True})
    assert resumed.minutes is None
    train(resumed, SilentReport())
    ours, theirs = (
        load_file(weights_file(settings.run / "denoiser", "denoiser")) for settings in (whole, cut)
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_model_with_an_added_stream_is_trained_on_as_any(added, registry):
    first = added("added-first")
    train(first, SilentReport())
    more = added(
        "added-more", start=str(first.run / "denoiser"), add_stream=[], freeze="none", steps=1
    )
    assert more.added == ("brightness",)
    train(more, SilentReport())
    ours, theirs = (opened(s.run / "denoiser", registry).state_dict() for s in (first, more))
    assert ours.keys() == theirs.keys()
    weight = "unet.added.brightness.0.weight"
    assert not torch.equal(ours[weight], theirs[weight])


def test_without_freezing_all_of_it_learns(added, denoiser):
    settings = added("all-of-it", freeze="none")
    train(settings, SilentReport())
    before = load_file(denoiser / "denoiser.safetensors")
    after = load_file(settings.run / "denoiser" / "denoiser.safetensors")
    assert not torch.equal(after["unet.conv_in.weight"], before["unet.conv_in.weight"])


def test_a_model_that_heard_no_voice_is_given_one(dataset, added, denoiser, registry):
    content = json.loads(dataset.read_text())
    for track in content["tracks"]:
        track["voice_embedding"] = [0.0625] * 256
    path = dataset.with_name("voiced.json")
    path.write_text(json.dumps(content))
    settings = added(
        "voiced", dataset=path, add_stream=["voice"], unet={"use_voice_stream": True}, steps=2
    )
    train(settings, SilentReport())
    after = opened(settings.run / "denoiser", registry)
    before = load_file(denoiser / "denoiser.safetensors")
    assert all(torch.equal(after.state_dict()[name], weight) for name, weight in before.items())
    told = {"resemblyzer": torch.full((1, 256), 0.0625), "ecapa": torch.zeros(1, 192),
            "given": torch.tensor([[1.0, 0.0]])}  # fmt: skip
    sung = {"voice": Drawn(told, torch.ones(1, 64, dtype=torch.bool))}
    assert not torch.equal(output(after, sung), output(after, {}))


@pytest.mark.parametrize(
    ("given", "told"),
    [({"drop_streams": {"chrod": 0.5}}, "has no stream 'chrod'; did you mean"),
     ({"drop_streams": {"chord": 1.5}}, "chord: 1.5 is no share; say 0 to 1"),
     ({"start": None, "streams": {}}, "add_stream needs a model to start from"),
     ({"add_stream": []}, "leaves nothing to train"),
     ({"add_stream": ["brightness", "brightness"]}, "names a stream twice"),
     ({"added": ["noise"]}, "streams lacks noise")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_told(added, given, told):
    with pytest.raises(ValidationError, match=told):
        added("nonsense", **given)


def test_a_stream_the_model_knows_cannot_be_added(added):
    with pytest.raises(ValidationError, match="knows stream chord already"):
        added("twice", add_stream=["chord"])


@pytest.mark.parametrize(
    ("site", "told"),
    [("tokens", "gives tokens; train it in from the start"),
     ("voice", "enters by voice stream attention, which this model has not")],
)  # fmt: skip
def test_a_stream_that_enters_where_it_cannot_be_added_is_told(registry, denoiser, site, told):
    model = opened(denoiser, registry)
    stream = open_streams({"brightness": {}}, registry)["brightness"]
    encoder = stream.encoder()
    encoder.sites = {site: 16}
    stream.encoder, stream.injects = lambda: encoder, lambda: encoder.sites
    with pytest.raises(MuzeError, match=told):
        model.add_stream("brightness", stream)


def test_a_model_that_is_not_there_is_told_in_the_settings(added):
    with pytest.raises(ValidationError, match="start: model 'nobody' is not installed"):
        added("nobody", start="nobody")


def test_part_of_a_network_said_leaves_the_rest_to_the_model_it_starts_from(added, denoiser):
    known = part_settings(denoiser, "denoiser", DenoiserSettings)
    said = added("partly", unet={"dropout": 0.2}, diffusion={"min_snr_gamma": 3.0})
    assert said.unet == known.unet.model_copy(update={"dropout": 0.2})
    assert said.diffusion.min_snr_gamma == 3.0
    assert said.diffusion.prediction == known.diffusion.prediction
