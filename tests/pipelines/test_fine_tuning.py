"""A user's few songs beside a model's frozen weights: no change at first, small, exact, refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.audio.io import read_audio
from muze.core.errors import CheckpointError, MuzeError
from muze.manifest.training import read_settings
from muze.model.checkpoint import load_part, part_tensors
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import (
    part_of,
    part_settings,
    read_header,
    weights_file,
    whole_header,
    write_header,
)
from muze.model.lora import Lora, merge
from muze.pipelines.assemble import assemble
from muze.pipelines.components import open_streams
from muze.pipelines.fine_tuning import add_lora, learnt, learnt_names, lora_layers
from muze.pipelines.generate import generate
from muze.pipelines.load import load_model
from muze.pipelines.model_info import model_folder
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import SilentReport

LOOP = {"steps": 4, "batch_size": 2, "crop_frames": 64, "warmup": 1, "learning_rate": 0.01,
        "ema": 0.5}  # fmt: skip


@pytest.fixture(scope="module")
def tuned(dataset, runs, model):
    """Settings that fine-tune the session's whole model."""

    def tuned(run, **changes):
        given = {"dataset": dataset, "run": runs / run, "start": str(model), **LOOP}
        return TrainingSettings.model_validate({**given, **changes})

    return tuned


@pytest.fixture(scope="module")
def lora(tuned):
    """The folder of a run that fine-tuned it by LoRA."""
    settings = tuned("lora", lora=4, steps=6)
    train(settings, SilentReport())
    return settings.run


def opened(folder, registry):
    about = part_settings(folder, "denoiser", DenoiserSettings)
    model = Denoiser(about, open_streams(about.streams, registry))
    load_part(folder, "denoiser", model)
    return model.eval()


def output(model, seed=0):
    latents = torch.randn(
        2, model.settings.unet.latent_dim, 1, 8, generator=torch.manual_seed(seed)
    )
    with torch.inference_mode():
        return model(latents, torch.tensor([0.2, 0.7]), {})


@pytest.mark.parametrize(
    "kinds", [["attention"], ["convolution"], ["feed_forward"], ["modulation"], ["conditioning"]]
)
def test_lora_changes_nothing_before_it_learns_and_merges_to_what_it_computes(
    model, registry, kinds
):
    network = opened(model, registry).requires_grad_(False)  # else torch multiplies another way
    before, state = output(network), network.state_dict()
    settings = Lora(rank=2, alpha=3, targets=kinds)
    add_lora(network, settings, lora_layers(network, settings), seed=1)
    assert torch.equal(output(network), before)
    learning = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert learning
    assert all(".lora_" in name for name in learning)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn(weight.shape, generator=torch.manual_seed(3)))
    after = output(network)
    assert kinds == ["conditioning"] or not torch.allclose(after, before, atol=1e-4)
    found = learnt(network, learnt_names(network, [*state]))
    assert len(found) == len(learning)
    whole = opened(model, registry)
    whole.load_state_dict(merge(state, found, settings.scale))
    torch.testing.assert_close(output(whole), after, atol=1e-4, rtol=1e-4)


def test_what_is_trained_is_small_and_says_beside_what_it_was_learnt(lora, model):
    tensors = load_file(lora / "denoiser" / "denoiser.safetensors")
    assert all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors)
    assert any(value.any() for name, value in tensors.items() if name.endswith("lora_B.weight"))
    header = read_header(lora / "denoiser")
    theirs = read_header(model)["parts"]
    assert header["base"]["parts"] == {name: part["sha256"] for name, part in theirs.items()}
    assert (lora / "denoiser" / header["base"]["model"]).resolve() == model.resolve()
    about = part_of(lora / "denoiser", "denoiser")
    assert about["lora"]["rank"] == 4
    assert about["parameters"] == theirs["denoiser"]["parameters"]
    assert about["data"] == {"dataset": "dataset.json", "tracks": 3, "hours": 0.003}


def test_its_own_weights_stay_as_they_were_and_all_the_rest_is_the_base_s(lora, model, registry):
    state = load_file(lora / "state" / "state.safetensors")
    base = load_file(weights_file(model, "denoiser"))
    for name, value in base.items():
        layer, _, last = name.rpartition(".")
        kept = [f"model.{name}", f"model.{layer}.base_layer.{last}"]
        (found,) = [state[key] for key in kept if key in state]
        assert torch.equal(found, value.float()), name
    folder = model_folder(str(lora), registry, lora)
    assert folder == (lora / "denoiser").resolve()
    assert weights_file(folder, "autoencoder") == weights_file(model, "autoencoder")
    assert whole_header(folder)["parts"].keys() == {"autoencoder", "denoiser", "vocoder"}
    merged = part_tensors(folder, "denoiser")
    assert merged.keys() == base.keys()
    assert not torch.equal(merged["unet.conv_in.weight"], base["unet.conv_in.weight"].float())


def test_stopped_it_goes_on_to_the_same_bits(lora, tuned):
    cut = tuned("lora-cut", lora=4, steps=6, minutes=1e-9)
    train(cut, SilentReport())
    resumed = read_settings(None, TrainingSettings, {"run": str(cut.run), "resume": True})
    train(resumed, SilentReport())
    files = [weights_file(run / "denoiser", "denoiser") for run in (lora, cut.run)]
    ours, theirs = (load_file(file) for file in files)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    headers = [read_header(run / "denoiser") for run in (lora, cut.run)]
    assert headers[0]["base"] == headers[1]["base"]


def test_a_song_is_made_by_a_run_of_lora_and_by_the_whole_model_alike(
    lora, plan_of, registry, tmp_path
):
    parts = dict.fromkeys(("autoencoder", "denoiser", "vocoder"), lora / "denoiser")
    assemble(tmp_path / "whole", parts)
    header = read_header(tmp_path / "whole")
    assert "lora" not in header["parts"]["denoiser"]
    assert "base" not in header
    sounds = []
    for name, folder in (("run", lora), ("whole", tmp_path / "whole")):
        plan = plan_of(f"model: {folder}\noutput: {{path: {name}.wav}}\n")
        sounds.append(read_audio(generate(plan, registry, SilentReport(), "cpu").path).samples)
    np.testing.assert_array_equal(*sounds)


@pytest.fixture
def moved(lora, model, tmp_path):
    """Copies of the run and of its base, lying to each other as before, free to be changed."""
    at = tmp_path / "moved"
    here, there = at / lora.parent.name / lora.name, at / model.parent.name / model.name
    shutil.copytree(lora / "denoiser", here / "denoiser")
    shutil.copytree(model, there)
    header = read_header(here / "denoiser")
    header["base"]["model"] = f"../../../{model.parent.name}/{model.name}"
    write_header(here / "denoiser", header)
    return here / "denoiser", there


def test_a_base_that_changed_or_went_is_refused(moved, registry, model, denoiser):
    folder, base = moved
    load_model(folder, registry, "cpu")
    assemble(base, {"denoiser": denoiser})  # the same weights, of other bits
    with pytest.raises(CheckpointError, match=r"was fine-tuned from .*, whose denoiser was \w{12}"):
        load_model(folder, registry, "cpu")
    shutil.rmtree(base)
    with pytest.raises(CheckpointError, match=r"was fine-tuned from another model: model '\.\./"):
        load_model(folder, registry, "cpu")


def test_a_base_whose_file_was_changed_is_refused(moved, registry):
    folder, base = moved
    file = weights_file(base, "denoiser")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="is damaged or was changed"):
        load_model(folder, registry, "cpu")


def test_a_base_that_leads_back_is_refused(moved):
    folder, _ = moved
    header = read_header(folder)
    header["base"]["model"] = "."
    write_header(folder, header)
    with pytest.raises(CheckpointError, match="base: is this model itself"):
        whole_header(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [(lambda tensors: tensors.pop("unet.conv_in.lora_A.weight"), "does not fit the denoiser"),
     (lambda tensors: tensors.update({"unet.smell.lora_A.weight": torch.zeros(4, 8),
                                      "unet.smell.lora_B.weight": torch.zeros(8, 4)}),
      "unet.smell.weight")],
)  # fmt: skip
def test_changes_that_do_not_fit_are_told(moved, registry, change, told):
    from muze.model.checkpoint import write_weights

    folder, _ = moved
    tensors = load_file(weights_file(folder, "denoiser"))
    change(tensors)
    write_weights(folder, read_header(folder), [("denoiser", tensors)])
    with pytest.raises(CheckpointError, match=told) as fault:
        load_model(folder, registry, "cpu")
    assert "\n" not in str(fault.value)


def test_a_stream_can_be_added_along_with_lora(tuned, dataset, registry, model):
    content = json.loads(dataset.read_text())
    for index, track in enumerate(content["tracks"]):
        track["brightness"] = [0.2 + 0.3 * index, 0.9]
    bright = dataset.with_name("bright-lora.json")
    bright.write_text(json.dumps(content))
    settings = tuned("lora-bright", dataset=bright, lora={"rank": 2}, add_stream=["brightness"])
    train(settings, SilentReport())
    tensors = load_file(settings.run / "denoiser" / "denoiser.safetensors")
    whole = [name for name in tensors if ".lora_" not in name]
    assert whole
    assert all("brightness" in name for name in whole)
    loaded = load_model(settings.run / "denoiser", registry, "cpu")
    assert "brightness" in loaded.streams
    weight = loaded.denoiser.state_dict()["unet.added.brightness.0.weight"]
    assert torch.equal(weight, tensors["unet.added.brightness.0.weight"])


def test_without_lora_all_of_it_learns_and_the_run_is_a_model(tuned, model, registry):
    settings = tuned("full")
    train(settings, SilentReport())
    folder = model_folder(str(settings.run), registry, settings.run)
    assert read_header(folder)["base"]["parts"].keys() == {"autoencoder", "vocoder"}
    after, before = (part_tensors(one, "denoiser") for one in (folder, model))
    assert after.keys() == before.keys()
    assert load_model(folder, registry, "cpu").streams.keys()


def test_lora_of_lora_and_of_another_autoencoder_is_refused(tuned, lora, vae_settings):
    from muze.pipelines import train_vae

    with pytest.raises(MuzeError, match="was fine-tuned by LoRA itself; make one whole model"):
        train(tuned("twice", lora=2, start=str(lora)), SilentReport())
    other = vae_settings("vae-of-lora", seed=1, steps=1)
    train_vae.train(other, SilentReport())
    with pytest.raises(MuzeError, match="is another autoencoder than that of"):
        train(tuned("other", lora=2, vae=other.run / "autoencoder"), SilentReport())


def test_all_of_a_model_made_by_lora_may_be_trained_on(tuned, lora, registry):
    settings = tuned("after-lora", start=str(lora), steps=1, learning_rate=1e-9)
    train(settings, SilentReport())
    before = part_tensors(lora / "denoiser", "denoiser")
    after = part_tensors(settings.run / "denoiser", "denoiser")
    torch.testing.assert_close(after, before)
    load_model(settings.run / "denoiser", registry, "cpu")


@pytest.mark.parametrize(
    ("given", "told"),
    [({"start": None, "lora": 4, "vae": "x", "streams": {}}, "lora needs a model to start from"),
     ({"lora": 4, "add_stream": ["brightness"], "freeze": "base"}, "exclude each other"),
     ({"lora": 0}, "greater than or equal to 1"),
     ({"lora": {"targets": ["attentoin"]}}, "Input should be 'attention'")],
)  # fmt: skip
def test_settings_of_lora_that_make_no_sense_are_told(tuned, given, told):
    with pytest.raises(ValidationError, match=told):
        tuned("nonsense", **given)
