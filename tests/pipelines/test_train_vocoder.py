import json

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import nn

from muze.audio.mel import MelSettings
from muze.core.errors import CheckpointError, DatasetError, MuzeError
from muze.core.registry import Registry
from muze.data.crops import Crop
from muze.data.store import Dataset, read_dataset
from muze.model.header import part_of
from muze.model.spectral_loss import log_mel_distance, multi_resolution_stft
from muze.pipelines import train_vocoder
from muze.pipelines.import_hifigan import import_hifigan
from muze.pipelines.load import open_vocoder
from muze.pipelines.sound_crops import read_crops
from muze.pipelines.train_vocoder import train
from muze.pipelines.vocoder_settings import TrainingSettings
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build, folded, normalised
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
            if description == "vocoder" and done == self.steps:
                raise KeyboardInterrupt

        return advance


def losses(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())["losses"]


def weights(settings):
    return load_file(settings.run / "vocoder" / "vocoder.safetensors")


def test_a_trained_vocoder_says_its_name_and_size(vocoder):
    about = part_of(vocoder, "vocoder")
    assert about["name"] == "vocos"
    assert about["settings"] == {"dim": 16, "intermediate_dim": 32, "num_layers": 1}


def test_an_interrupted_training_resumes_to_the_same_bits(vocoder_settings, vocoder):
    whole = vocoder_settings("vocoder", crop_frames=32)
    cut = vocoder_settings("vocoder-cut", crop_frames=32)
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(3))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert losses(whole) == losses(cut)
    ours, theirs = weights(whole), weights(cut)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.usefixtures("small_judges")
def test_an_adversarial_training_resumes_to_the_same_bits(vocoder_settings):
    changes = {"adversarial_from": 1, "steps": 3, "save_every": 1, "crop_frames": 16,
               "batch_size": 1,
               "discriminators": ["resolution"]}  # fmt: skip
    whole = vocoder_settings("duel", **changes)
    cut = vocoder_settings("duel-cut", **changes)
    train(whole, SilentReport())
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(2))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    rows = losses(whole)
    assert rows == losses(cut)
    assert "fooling" not in rows[0]
    assert "fooling" in rows[1]
    ours, theirs = weights(whole), weights(cut)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not any("discriminator" in name for name in ours)


def test_crops_are_read_from_where_they_lie(dataset):
    tracks = read_dataset(dataset)
    samples, _ = soundfile.read(tracks.audio(tracks.tracks[1]), dtype="float32")
    read = read_crops(tracks, [Crop(1, 100, 20), Crop(1, 470, 20)], MelSettings())
    assert read.shape == (2, 6400)
    np.testing.assert_array_equal(read[0], samples[32000 : 32000 + 6400])
    assert not read[1, 3200:].any()  # past the end there is silence


def test_files_at_another_rate_are_resampled(tmp_path):
    t = np.arange(2 * 44100) / 44100
    glide = 0.5 * np.sin(2 * np.pi * (200 * t + 400 * t**2))  # 200 Hz + 800 Hz a second
    soundfile.write(tmp_path / "a.wav", np.stack([glide, glide], 1), 44100)
    tracks = Dataset(tmp_path / "dataset.json", ({"audio_path": "a.wav"},))
    read = read_crops(tracks, [Crop(0, 100, 50), Crop(0, 190, 50)], MelSettings())
    t = 1 + np.arange(16000) / 32000
    wanted = 0.5 * np.sin(2 * np.pi * (200 * t + 400 * t**2))
    np.testing.assert_allclose(read[0, 100:-100], wanted[100:-100], atol=2e-3)
    assert read[1, 3000] != 0
    assert not read[1, 3300:].any()  # past the end there is silence


def test_files_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    tracks = Dataset(tmp_path / "dataset.json", ({"audio_path": "a.wav"},))
    with pytest.raises(DatasetError, match=r"a\.wav: cannot be read"):
        read_crops(tracks, [Crop(0, 0, 10)], MelSettings())


def test_crops_that_do_not_divide_are_told(vocoder_settings):
    with pytest.raises(MuzeError, match="crop_frames is 30; it must be a multiple of 8"):
        train(vocoder_settings("odd", crop_frames=30), SilentReport())


def test_spectral_distances_are_none_between_equals_and_grow():
    sound = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    assert float(multi_resolution_stft(sound, sound)) == 0
    assert float(log_mel_distance(sound, sound, MelSettings())) == 0
    near, far = 1.1 * sound, 3 * sound
    for distance in (multi_resolution_stft, lambda a, b: log_mel_distance(a, b, MelSettings())):
        assert 0 < float(distance(near, sound)) < float(distance(far, sound))
    # 3 times as loud: log 3 in every band
    assert float(log_mel_distance(far, sound, MelSettings())) == pytest.approx(np.log(3), rel=1e-2)


HIFIGAN = {
    "upsample_rates": [16, 20], "upsample_kernel_sizes": [32, 40], "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]],
}  # fmt: skip


class TinyJudge(nn.Module):
    """Judges sound as the discriminators do, but quickly."""

    def __init__(self):
        super().__init__()
        self.listen, self.say = nn.Conv1d(1, 4, 64, 16), nn.Conv1d(4, 1, 3)

    def forward(self, wanted, made):
        heard = [self.listen(sound[:, None]).relu() for sound in (wanted, made)]
        real, fake = ([self.say(h)] for h in heard)
        return real, fake, [[heard[0]]], [[heard[1]]]


@pytest.fixture
def tiny_judge(monkeypatch):
    monkeypatch.setattr(train_vocoder, "sound_judge", lambda name: TinyJudge())


DUEL = {"vocoder": "hifigan", "hifigan": HIFIGAN, "adversarial_from": 1, "crop_frames": 16,
        "discriminators": ["resolution"]}  # fmt: skip


def test_a_trained_hifigan_is_loaded_and_heard(vocoder_settings):
    settings = vocoder_settings("hifigan", **{**DUEL, "adversarial_from": None}, steps=2)
    train(settings, SilentReport())
    folder = settings.run / "vocoder"
    about = part_of(folder, "vocoder")
    assert about["name"] == "hifigan"
    assert about["settings"] == settings.hifigan.model_dump(mode="json")
    assert set(weights(settings)) == set(build(settings.hifigan).state_dict())  # folded
    vocoder = open_vocoder("hifigan", {}, folder, Registry())
    assert vocoder.render(np.full((128, 9), -4, np.float32)).shape == (9 * 320,)


def test_what_is_kept_of_a_hifigan_sounds_as_what_was_trained(vocoder_settings):
    config = vocoder_settings("unused", **DUEL).hifigan
    trained = normalised(build(config))
    with torch.no_grad():
        for weight in trained.parameters():
            weight.mul_(1.5).add_(0.01)
    log_mel = torch.randn(1, 128, 8)
    kept = folded(trained, config)
    torch.testing.assert_close(kept(log_mel), trained(log_mel))
    assert not any("parametrizations" in name for name in kept.state_dict())
    assert any("parametrizations" in name for name in trained.state_dict())


@pytest.mark.parametrize("changes", [{}, {"amp": "bf16"}], ids=str)
def test_a_hifigan_s_training_resumes_to_the_same_bits(vocoder_settings, changes, tiny_judge):
    changes = {**DUEL, "steps": 3, "save_every": 1, **changes}
    whole = vocoder_settings(f"hifigan-whole-{len(changes)}", **changes)
    cut = vocoder_settings(f"hifigan-cut-{len(changes)}", **changes)
    train(whole, SilentReport())
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(2))
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert losses(whole) == losses(cut)
    assert {"fooling", "matching", "telling"} <= losses(whole)[1].keys()
    ours, theirs = weights(whole), weights(cut)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_micro_batches_give_the_losses_of_the_whole_batch(vocoder_settings, tiny_judge):
    """So do processes, which take shares of a batch in the same way."""
    told = []
    for count in (1, 4):
        changes = {**DUEL, "adversarial_from": 0, "steps": 2, "batch_size": 4, "rebuilt": 0.4}
        changes |= {"accumulate": count, "learning_rate": 1e-4}
        settings = vocoder_settings(f"hifigan-parts-{count}", **changes)
        train(settings, SilentReport())
        told.append(losses(settings))
    for ours, theirs, most in zip(*told, (1e-5, 1e-3), strict=True):
        assert ours == pytest.approx(theirs, rel=most)  # AdamW makes much of gradients near zero


@pytest.mark.parametrize(
    "changes",
    [
        {"stft_weight": 0.0},
        {"mel_weight": 0.0},
        {"adversarial_from": 0},
        {"adversarial_weight": 1.0},
        {"matching_weight": 0.0},
        {"rebuilt": 0.0},
    ],
    ids=str,
)
def test_every_setting_changes_what_is_learned(vocoder_settings, changes, tiny_judge):
    def learned(changes):
        settings = vocoder_settings(f"hifigan-{changes}", **{**DUEL, "steps": 2, **changes})
        if not settings.run.exists():
            train(settings, SilentReport())
        return weights(settings)

    ours, theirs = learned(changes), learned({})
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
def test_discriminators_of_either_kind_join(vocoder_settings):
    told = {}
    for kinds in (["period"], ["resolution"], ["period", "resolution"]):
        changes = {**DUEL, "adversarial_from": 0, "discriminators": kinds, "steps": 1}
        settings = vocoder_settings(f"hifigan-{'-'.join(kinds)}", **changes)
        train(settings, SilentReport())
        told[len(told)] = losses(settings)[0]
    period, resolution, both = told.values()
    for name in ("fooling", "telling"):  # hinges, of discriminators that know nothing yet
        one = {"fooling": 1, "telling": 2}[name]
        assert period[name] == pytest.approx(one, rel=0.1)
        assert resolution[name] == pytest.approx(one, rel=0.1)
        assert both[name] == pytest.approx(2 * one, rel=0.1)
    assert both["matching"] > max(period["matching"], resolution["matching"])


def test_a_start_says_which_vocoder_and_its_size(vocoder_settings, vocoder):
    given = vocoder_settings("begun").model_dump(exclude={"vocoder", "vocos", "hifigan"})
    settings = TrainingSettings.model_validate({**given, "start": str(vocoder), "steps": 1,
                                                "learning_rate": 1e-9})  # fmt: skip
    assert (settings.vocoder, settings.vocos.dim) == ("vocos", 16)
    train(settings, SilentReport())
    before = load_file(vocoder / "vocoder.safetensors")
    torch.testing.assert_close(weights(settings), before)
    with pytest.raises(ValidationError, match=r"start: .*not installed"):
        TrainingSettings.model_validate({**given, "start": "nowhere"})
    other = vocoder_settings("other", start=str(vocoder), **DUEL)
    with pytest.raises(MuzeError, match="has a vocoder vocos, and hifigan cannot start from its"):
        train(other, SilentReport())


def test_a_published_hifigan_is_trained_on_at_its_own_mel(vocoder_settings, tmp_path):
    sizes = {**HIFIGAN, "upsample_rates": [16, 16], "upsample_kernel_sizes": [32, 32]}
    mel = {"num_mels": 80, "n_fft": 1024, "hop_size": 256, "win_size": 1024,
           "sampling_rate": 22050, "fmin": 0, "fmax": 8000}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps({"resblock": "1", **sizes, **mel}))
    heard = {"sample_rate": 22050, "hop_length": 256, "num_mels": 80, "f_max": 8000}
    network = build(HifiGanVocoder.Config.model_validate({**sizes, "mel": heard}))
    torch.save({"generator": network.state_dict()}, tmp_path / "g_1")
    import_hifigan(tmp_path / "g_1", None, tmp_path / "voice")
    given = vocoder_settings("own").model_dump(exclude={"vocoder", "vocos", "hifigan", "vae"})
    given |= {"start": str(tmp_path / "voice"), "steps": 1, "learning_rate": 1e-9,
              "crop_frames": 32}  # fmt: skip
    settings = TrainingSettings.model_validate(given)
    assert settings.hifigan.mel.num_mels == 80
    train(settings, SilentReport())
    torch.testing.assert_close(weights(settings), network.state_dict())


def test_an_autoencoder_of_another_mel_is_told(vocoder_settings):
    sizes = {**HIFIGAN, "mel": {"floor": 1e-5}}
    with pytest.raises(CheckpointError, match=r"mel has floor 0\.0001, but the vocoder"):
        train(vocoder_settings("deaf", **{**DUEL, "hifigan": sizes}), SilentReport())


def test_discriminators_are_named_once_and_at_least_once(vocoder_settings):
    with pytest.raises(ValidationError, match="discriminators names one twice"):
        vocoder_settings("unused", discriminators=["period", "period"])
    with pytest.raises(ValidationError, match="at least 1 item"):
        vocoder_settings("unused", discriminators=[])
