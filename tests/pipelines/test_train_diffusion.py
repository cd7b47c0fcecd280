import json
import shutil

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.core.errors import MuzeError, PluginError
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_of, part_settings
from muze.pipelines import train_vae
from muze.pipelines.components import open_streams
from muze.pipelines.train_diffusion import (
    TrainingSettings,
    channel_weights,
    dataset_latents,
    set_scale,
    train,
)
from muze.report import SilentReport


class StopAt(SilentReport):
    """Interrupts a training after so many of its steps."""

    def __init__(self, steps):
        self.steps = steps

    def task(self, description, total):
        done = 0

        def advance(steps=1, note=""):
            nonlocal done
            done += steps
            if description == "diffusion" and done == self.steps:
                raise KeyboardInterrupt

        return advance


def losses(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())["losses"]


def test_a_trained_denoiser_says_its_streams_and_whose_latents_it_knows(denoiser, vae, registry):
    about = part_of(denoiser, "denoiser")
    assert set(about["streams"]) == set(about["settings"]["streams"])
    told = about["streams"]["chord"]
    assert told["feature_version"] == registry.get("stream", "chord").feature_version
    assert told["from"] == registry.version("chord")
    assert about["autoencoder_sha256"] == part_of(vae, "autoencoder")["sha256"]
    settings = part_settings(denoiser, "denoiser", DenoiserSettings)
    assert settings.streams["chord"] == {"vector": 8, "frames": 8}
    assert settings.latent_rows == 1


def test_every_part_of_the_network_learns(diffusion_settings, denoiser, registry):
    about = part_settings(denoiser, "denoiser", DenoiserSettings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        before = Denoiser(about, open_streams(about.streams, registry)).state_dict()
    after = load_file(denoiser / "denoiser.safetensors")
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert [name for name in still if "null" not in name] == []


@pytest.mark.parametrize("stop", [3, 4])
def test_an_interrupted_training_resumes_to_the_same_bits(diffusion_settings, denoiser, stop):
    whole, cut = diffusion_settings("diffusion"), diffusion_settings(f"diffusion-{stop}")
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(stop))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert losses(whole) == losses(cut)
    ours = load_file(denoiser / "denoiser.safetensors")
    theirs = load_file(cut.run / "denoiser" / "denoiser.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_goes_on_with_its_autoencoder_wherever_that_lies(
    diffusion_settings, vae, vae_settings, tmp_path
):
    settings = diffusion_settings("latents", minutes=1e-9)
    train(settings, SilentReport())
    moved = tmp_path / "autoencoder"
    shutil.copytree(vae, moved)
    train(settings.model_copy(update={"resume": True, "vae": moved}), SilentReport())
    other = vae_settings("vae-of-another-seed", seed=1, steps=1)
    train_vae.train(other, SilentReport())
    with pytest.raises(MuzeError, match="cannot be resumed: vae is another autoencoder"):
        train(
            settings.model_copy(update={"resume": True, "vae": other.run / "autoencoder"}),
            SilentReport(),
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [("key", "H minor"), ("chords", [{"chord": "Hm", "start": 0.0, "end": 1.0}]),
     ("genre", ["x y"])],
)  # fmt: skip
def test_a_record_that_says_what_is_none_is_told_before_the_training(
    diffusion_settings, dataset, field, value
):
    content = json.loads(dataset.read_text())
    content["tracks"][1][field] = value
    wrong = dataset.with_name(f"wrong-{field}.json")
    wrong.write_text(json.dumps(content))
    settings = diffusion_settings(f"wrong-{field}", dataset=wrong)
    with pytest.raises(MuzeError, match=f"1.wav: {field}: unknown") as told:
        train(settings, SilentReport())
    assert "\n" not in str(told.value)
    assert not settings.run.exists()


def test_a_run_of_an_older_muze_keeps_to_the_autoencoder_it_names(diffusion_settings, tmp_path):
    began = diffusion_settings("before-hashes", minutes=1e-9)
    train(began, SilentReport())
    file = began.run / "state" / "state.json"
    about = json.loads(file.read_text())
    del about["autoencoder_sha256"]
    file.write_text(json.dumps(about))
    shutil.copytree(began.vae, tmp_path / "vae")
    resumed = {"resume": True, "minutes": None}
    with pytest.raises(MuzeError, match="cannot be resumed: vae was "):
        train(began.model_copy(update={**resumed, "vae": tmp_path / "vae"}), SilentReport())
    train(began.model_copy(update=resumed), SilentReport())


@pytest.fixture
def scaled(diffusion_settings, vae, denoiser, registry):
    """Every latent of the dataset, normalised with a flatness; and the channels' weights."""

    def scaled(flatness):
        autoencoder = AudioVAE(part_settings(vae, "autoencoder", AutoencoderSettings)).eval()
        load_part(vae, "autoencoder", autoencoder)
        latents = dataset_latents(diffusion_settings("diffusion"), autoencoder, SilentReport())
        assert [array.shape for array in latents] == [(8, 1, 50), (8, 1, 60), (8, 1, 40)]
        about = part_settings(denoiser, "denoiser", DenoiserSettings)
        model = Denoiser(about, open_streams(about.streams, registry))
        set_scale(model, latents, autoencoder, flatness)
        frames = torch.cat([torch.from_numpy(array) for array in latents], dim=2).float()
        normal = model.normalise(frames[None])
        torch.testing.assert_close(model.denormalise(normal), frames[None], atol=1e-4, rtol=1e-4)
        return normal, channel_weights(autoencoder, frames, model.latent_mean).flatten()

    return scaled


def test_latents_of_full_flatness_have_mean_zero_and_deviation_one(scaled):
    normal, _ = scaled(1.0)
    torch.testing.assert_close(normal.mean((0, 2, 3)), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal.std((0, 2, 3)), torch.ones(8), atol=1e-2, rtol=0)


def test_channels_that_move_the_sound_more_are_louder_by_as_much_as_flatness_leaves(scaled):
    for flatness in (0.0, 0.5):
        normal, weight = scaled(flatness)
        deviation = normal.std((0, 2, 3))
        torch.testing.assert_close(normal.mean((0, 2, 3)), torch.zeros(8), atol=1e-3, rtol=0)
        torch.testing.assert_close(deviation.square().mean(), torch.ones(()), atol=2e-2, rtol=0)
        wanted = weight ** (1 - flatness)
        torch.testing.assert_close(
            deviation / deviation[0], wanted / wanted[0], atol=1e-2, rtol=1e-2
        )


@pytest.fixture
def saying(dataset, tmp_path):
    """Write the dataset with records that say nothing but some fields; return its path."""

    def saying(*fields):
        content = json.loads(dataset.read_text())
        for track in content["tracks"]:
            track["audio_path"] = str(dataset.parent / track["audio_path"])
        tracks = [{field: track[field] for field in fields} for track in content["tracks"]]
        (tmp_path / "dataset.json").write_text(json.dumps({**content, "tracks": tracks}))
        return tmp_path / "dataset.json"

    return saying


def test_a_dataset_that_says_no_more_than_it_must_trains_all_the_same(diffusion_settings, saying):
    path = saying("audio_path", "duration")
    settings = diffusion_settings("quiet", dataset=path, steps=1)
    train(settings, SilentReport())
    assert len(losses(settings)) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"streams": {"chord": {"vectr": 3}}},
            r"stream chord \(muze .*vectr: unknown key; did you mean 'vector'",
        ),
        ({"streams": {"chrod": {}}}, "'chrod' is not installed; did you mean 'chord'"),
        ({"streams": {"chrod": {}, "chord": {"vectr": 3}}}, "'chrod' is .*; stream chord .*vectr"),
    ],
)
def test_streams_that_cannot_be_trained_are_told_at_once(diffusion_settings, changes, told):
    with pytest.raises(ValidationError, match=told):
        diffusion_settings("wrong", **changes)


def test_crops_that_are_no_whole_latent_frames_are_told(diffusion_settings):
    with pytest.raises(MuzeError, match="multiple of 8"):
        train(diffusion_settings("wrong", crop_frames=60), SilentReport())


def test_what_the_start_would_give_is_told_beside_the_want_of_it(dataset, runs):
    with pytest.raises(ValidationError) as told:
        TrainingSettings.model_validate({"dataset": dataset, "run": runs / "x", "lora": 4})
    assert "lora needs a model to start from; say --from" in str(told.value)
    assert {error["loc"] for error in told.value.errors()} == {("vae",), ("streams",), ("lora",)}


def test_latents_of_another_width_are_told(diffusion_settings):
    unet = diffusion_settings("wrong").unet.model_copy(update={"latent_dim": 16})
    with pytest.raises(MuzeError, match=r"unet\.latent_dim is 16, but .* have 8 channels"):
        train(diffusion_settings("wrong", unet=unet), SilentReport())


def test_a_training_can_start_from_a_model(diffusion_settings, denoiser):
    settings = diffusion_settings("on", start=str(denoiser), learning_rate=1e-9, steps=1)
    train(settings, SilentReport())
    before = load_file(denoiser / "denoiser.safetensors")
    after = load_file(settings.run / "denoiser" / "denoiser.safetensors")
    torch.testing.assert_close(after, before)


def test_no_stream_may_be_unknown_to_the_registry(registry):
    with pytest.raises(PluginError, match="not installed"):
        open_streams({"smell": {}}, registry)


def test_a_resumed_run_may_take_less_memory_and_has_the_same_bits(diffusion_settings):
    whole, cut = (diffusion_settings(f"memory-{kind}") for kind in ("whole", "cut"))
    train(whole, SilentReport())
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(3))
    said = {"run": cut.run, "resume": True, "unet": {"use_gradient_checkpointing": True}}
    again = TrainingSettings.model_validate(said)
    assert again.unet.use_gradient_checkpointing
    assert again.unet.model_channels == cut.unet.model_channels
    train(again, SilentReport())
    assert losses(again) == losses(whole)
    ours, theirs = (load_file(s.run / "state" / "state.safetensors") for s in (again, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    other = TrainingSettings.model_validate({**said, "unet": {"dropout": 0.5}})
    with pytest.raises(MuzeError, match=r"unet.dropout was 0.0 and is 0.5"):
        train(other, SilentReport())
