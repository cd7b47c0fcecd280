import json
import shutil

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.core.errors import CheckpointError, MuzeError
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.duel import Duel
from muze.model.header import part_of, part_settings
from muze.model.presets import AUTOENCODERS
from muze.pipelines import vae_losses
from muze.pipelines.train_vae import train
from muze.pipelines.vae_losses import VaeLosses
from muze.pipelines.vae_settings import TrainingSettings
from muze.plugins.vocoders.griffin_lim import GriffinLimVocoder
from muze.report import SilentReport

AUTOENCODER = {
    "latent_dim": 8, "channels": [24], "num_res_blocks": 1, "patch": [128, 8], "strides": [],
    "kernel": [1, 3],
}  # fmt: skip

HEARING = {"audio_frames": 16, "discriminator_channels": 8}
"""Small, for tests that have such losses at all."""


class StopAt(SilentReport):
    """Interrupts a training after so many of its steps."""

    def __init__(self, steps):
        self.steps = steps

    def task(self, description, total):
        done = 0

        def advance(steps=1, note=""):
            nonlocal done
            done += steps
            if description == "autoencoder" and done == self.steps:
                raise KeyboardInterrupt

        return advance


def losses(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())["losses"]


def weights(settings):
    return load_file(settings.run / "autoencoder" / "autoencoder.safetensors")


def test_a_trained_autoencoder_says_what_it_is_and_what_it_heard(vae):
    settings = part_settings(vae, "autoencoder", AutoencoderSettings)
    model = AudioVAE(settings)
    load_part(vae, "autoencoder", model)
    assert model.encode(torch.zeros(1, 128, 64))[0].shape == (1, 8, 1, 8)
    training = part_of(vae, "autoencoder")["training"]
    assert training == {"steps": 5, "hours_heard": 0.0, "seed": 0}


def test_losses_have_their_names(vae_settings, vae):
    rows = losses(vae_settings("vae"))
    assert len(rows) == 5
    assert set(rows[0]) == {"loss", "reconstruction", "kl", "stft"}
    told = rows[0]["reconstruction"] + 1e-4 * rows[0]["kl"] + 0.1 * rows[0]["stft"]
    assert rows[0]["loss"] == pytest.approx(told, rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"linear_start": True}, {"audio_weight": 0.1, "adversarial_from": 1}],
    ids=["plain", "linear", "all losses"],
)
def test_an_interrupted_training_resumes_to_the_same_bits(vae_settings, vocoder, changes, request):
    if "audio_weight" in changes:
        changes = {**changes, **HEARING, "vocoder": str(vocoder), "steps": 4}
    name = request.node.callspec.id
    whole, cut = (vae_settings(f"vae-{kind}-{name}", **changes) for kind in ("whole", "cut"))
    train(whole, SilentReport())
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(3))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert losses(whole) == losses(cut)
    ours, theirs = weights(whole), weights(cut)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_linear_start_begins_lower(vae_settings):
    for name, linear in (("vae-plain", False), ("vae-linear", True)):
        train(vae_settings(name, linear_start=linear, steps=1), SilentReport())
    plain, linear = (losses(vae_settings(name))[0]["loss"] for name in ("vae-plain", "vae-linear"))
    assert linear < 0.8 * plain


def test_a_training_can_start_from_a_model(vae_settings, vae):
    settings = vae_settings("vae-on", start=str(vae), learning_rate=1e-9, steps=1)
    train(settings, SilentReport())
    before, after = load_file(vae / "autoencoder.safetensors"), weights(settings)
    torch.testing.assert_close(after, before)


def test_crops_that_do_not_divide_are_told(vae_settings):
    with pytest.raises(MuzeError, match="crop_frames is 60; it must be a multiple of 8"):
        train(vae_settings("vae-odd", crop_frames=60), SilentReport())


def test_a_linear_start_that_cannot_be_is_told(vae_settings):
    deep = {"latent_dim": 4, "channels": [8, 16], "strides": [[2, 2]]}
    with pytest.raises(ValidationError, match="linear_start needs an autoencoder of one level"):
        vae_settings("vae-deep", autoencoder=deep, linear_start=True)
    with pytest.raises(ValidationError, match="exclude each other"):
        vae_settings("vae-both", start="somewhere", linear_start=True)


def test_micro_batches_give_the_losses_of_the_whole_batch(vae_settings, vocoder):
    """So do processes, which take shares of a batch in the same way."""
    changes = {"audio_weight": 0.1, "vocoder": str(vocoder), **HEARING, "adversarial_from": 0,
               "batch_size": 4, "steps": 2,
               "learning_rate": 1e-4}  # fmt: skip
    told = []
    for count in (1, 4):
        settings = vae_settings(f"vae-parts-{count}", accumulate=count, **changes)
        train(settings, SilentReport())
        told.append(losses(settings))
    assert set(told[0][1]) == {
        "loss", "reconstruction", "kl", "stft", "audio", "fooling", "matching", "telling",
    }  # fmt: skip
    for ours, theirs, most in zip(*told, (1e-5, 1e-3), strict=True):
        assert ours == pytest.approx(theirs, rel=most)  # AdamW makes much of gradients near zero


@pytest.mark.parametrize(
    "changes",
    [
        {"kl_weight": 0.1},
        {"stft_weight": 0.0},
        {"stft_weight": 1.0},
        {"audio_weight": 0.1},
        {"audio_weight": 1.0},
        {"audio_weight": 0.1, "audio_frames": 64},
        {"adversarial_from": 0},
        {"adversarial_from": 1},
        {"adversarial_from": 0, "adversarial_weight": 1.0},
        {"adversarial_from": 0, "matching_weight": 0.0},
        {"adversarial_from": 0, "discriminator_channels": 4},
    ],
    ids=str,
)
def test_every_loss_changes_what_is_learned(vae_settings, vocoder, changes, request):
    """Against the run whose other settings are the same, or else the plain one."""

    def learned(changes):
        if "audio_weight" in changes:
            changes = {"vocoder": str(vocoder), **changes}
        changes = {**HEARING, **changes}
        settings = vae_settings(f"vae-{changes}", steps=2, **changes)
        if not settings.run.exists():
            train(settings, SilentReport())
        return weights(settings)

    base = dict(list(changes.items())[:1]) if len(changes) > 1 else {}
    ours, theirs = learned(changes), learned(base)
    assert ours.keys() == theirs.keys()
    assert all(w.isfinite().all() for w in ours.values())
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_vocoder_it_is_heard_through_stays_as_it_is(vae_settings, vocoder):
    settings = vae_settings(
        "vae-heard", vocoder=str(vocoder), audio_weight=0.1, audio_frames=16, steps=1
    )
    heard = VaeLosses(settings)
    before = {name: value.clone() for name, value in heard.vocoder.state_dict().items()}
    assert not any(p.requires_grad for p in heard.vocoder.parameters())
    model = Duel(AudioVAE(settings.autoencoder), {})
    shape = (2, settings.autoencoder.latent_dim, 1, 8)
    batch = {"log_mel": torch.randn(2, 128, 64) - 4, "noise": torch.randn(shape), "first": 3,
             "dueling": False}  # fmt: skip
    heard(model, batch)["audio"].backward()
    assert model.generator.to_mel.weight.grad.any()
    assert all(torch.equal(before[name], value) for name, value in
               heard.vocoder.state_dict().items())  # fmt: skip


def test_what_hearing_needs_is_told(vae_settings, vae, vocoder, monkeypatch):
    with pytest.raises(ValidationError, match="audio_weight needs a vocoder to hear through"):
        vae_settings("vae-deaf", audio_weight=0.1)
    with pytest.raises(ValidationError, match="say how much its loss counts"):
        vae_settings("vae-deaf", vocoder=str(vocoder))
    with pytest.raises(ValidationError, match="audio_frames is 64, more than the 40 of a crop"):
        vae_settings("vae-deaf", vocoder=str(vocoder), audio_weight=0.1, crop_frames=40)
    with pytest.raises(CheckpointError, match="has no vocoder; it has autoencoder"):
        VaeLosses(vae_settings("vae-deaf", vocoder=str(vae), audio_weight=0.1))
    with monkeypatch.context() as patch:
        still = GriffinLimVocoder(GriffinLimVocoder.Config())
        patch.setattr(vae_losses, "open_vocoder", lambda *_: still)
        with pytest.raises(MuzeError, match="griffin_lim is no network that a loss could go"):
            VaeLosses(vae_settings("vae-deaf", vocoder=str(vocoder), audio_weight=0.1))
    shape = {**AUTOENCODER, "mel": {"hop_length": 256}}
    settings = vae_settings("vae-deaf", vocoder=str(vocoder), audio_weight=0.1, autoencoder=shape)
    with pytest.raises(CheckpointError, match="mel has hop_length 256, but the vocoder hears"):
        VaeLosses(settings)


def test_another_vocoder_is_not_resumed_with(vae_settings, vocoder, tmp_path):
    own = shutil.copytree(vocoder, tmp_path / "own")
    settings = vae_settings(
        "vae-ears", vocoder=str(own), audio_weight=0.1, audio_frames=16, steps=3
    )
    with pytest.raises(KeyboardInterrupt):
        train(settings, StopAt(2))
    header = json.loads((own / "muze.json").read_text())
    header["parts"]["vocoder"]["trained_sha256"] = "another"
    (own / "muze.json").write_text(json.dumps(header))
    with pytest.raises(MuzeError, match=r"cannot be resumed: vocoder .* has other weights"):
        train(settings.model_copy(update={"resume": True}), SilentReport())


def test_spectra_longer_than_a_crop_are_told(vae_settings):
    with pytest.raises(ValidationError, match="spectra of 64 frames, but crop_frames is 32"):
        vae_settings("vae-short", crop_frames=32)
    train(vae_settings("vae-short", crop_frames=32, stft_weight=0, steps=1), SilentReport())


def test_a_preset_is_the_size_and_what_is_said_goes_over_it(vae_settings):
    def size(**told):
        return vae_settings("unused", crop_frames=64, **told).autoencoder

    assert size(preset="128-light", autoencoder={}) == AUTOENCODERS["128-light"]
    assert size(preset=64, autoencoder={}) == AUTOENCODERS["64"]  # YAML takes it for a number
    assert size(preset="xl", autoencoder={}) == AUTOENCODERS["256"]
    slim = size(preset="starter", autoencoder={"latent_dim": 4, "use_checkpoint": True})
    assert slim == AUTOENCODERS["starter"].model_copy(
        update={"latent_dim": 4, "use_checkpoint": True}
    )
    with pytest.raises(ValidationError, match=r"preset\n.*no preset 'startr'; did you mean"):
        size(preset="startr", autoencoder={})


def test_a_run_of_a_preset_is_resumed_as_it_began(vae_settings):
    small = {"channels": [8], "num_res_blocks": 1}
    settings = vae_settings("vae-preset", preset="starter", autoencoder=small, steps=4)
    with pytest.raises(KeyboardInterrupt):
        train(settings, StopAt(3))
    bare = {"run": settings.run, "resume": True, "dataset": settings.dataset}
    train(TrainingSettings.model_validate(bare), SilentReport())
    told = part_settings(settings.run / "autoencoder", "autoencoder", AutoencoderSettings)
    assert told == settings.autoencoder
    with pytest.raises(MuzeError, match="preset was 'starter' and is '128-light'"):
        train(TrainingSettings.model_validate({**bare, "preset": "128-light"}), SilentReport())


def test_a_start_says_the_size(vae_settings, vae):
    given = vae_settings("vae-like").model_dump(exclude={"autoencoder"})
    settings = TrainingSettings.model_validate({**given, "start": str(vae)})
    assert settings.autoencoder == part_settings(vae, "autoencoder", AutoencoderSettings)
    with pytest.raises(ValidationError, match=r"start: .*not installed"):
        TrainingSettings.model_validate({**given, "start": "nowhere"})


def test_a_training_with_checkpointing_learns_the_same(vae_settings):
    shape = {**AUTOENCODER, "use_checkpoint": True}
    for name, told in (("vae-keeps", AUTOENCODER), ("vae-saves", shape)):
        train(
            vae_settings(name, autoencoder=told, steps=2, adversarial_from=0, **HEARING),
            SilentReport(),
        )
    ours, theirs = (weights(vae_settings(name)) for name in ("vae-keeps", "vae-saves"))
    torch.testing.assert_close(ours, theirs)
