import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from muze.audio.mel import MelSettings
from muze.core.errors import DatasetError, MuzeError
from muze.data.crops import Crop
from muze.data.store import Dataset, read_dataset
from muze.model.header import part_of
from muze.model.spectral_loss import log_mel_distance, multi_resolution_stft
from muze.pipelines.train_vocoder import Duel, read_crops, train
from muze.report import SilentReport


class StopAt(SilentReport):
    """Interrupts a training after so many of its steps."""

    def __init__(self, steps):
        self.steps = steps

    def task(self, description, total):
        done = 0

        def advance(steps=1):
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


def test_an_adversarial_training_resumes_to_the_same_bits(vocoder_settings):
    changes = {"adversarial_from": 1, "steps": 3, "save_every": 1, "crop_frames": 16,
               "batch_size": 1}  # fmt: skip
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


def test_the_generator_s_losses_leave_the_discriminators_alone(vocoder_settings):
    duel = Duel(vocoder_settings("unused", adversarial_from=0))
    made = torch.randn(1, 8000, requires_grad=True)
    fooling, matching, telling = duel.adversarial(made, torch.randn(1, 8000))
    (fooling + matching).backward(retain_graph=True)
    assert made.grad.any()
    assert all(p.grad is None for p in duel.discriminator.parameters())
    made.grad = None
    telling.backward()
    assert made.grad is None
    assert all(p.grad is not None for p in duel.discriminator.parameters())


def test_crops_are_read_from_where_they_lie(dataset):
    tracks = read_dataset(dataset)
    samples, _ = soundfile.read(tracks.audio(tracks.tracks[1]), dtype="float32")
    read = read_crops(tracks, [Crop(1, 100, 20), Crop(1, 470, 20)], MelSettings())
    assert read.shape == (2, 6400)
    np.testing.assert_array_equal(read[0], samples[32000 : 32000 + 6400])
    assert not read[1, 3200:].any()  # past the end there is silence


def test_files_at_another_rate_are_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    tracks = Dataset(tmp_path / "dataset.json", ({"audio_path": "a.wav"},))
    with pytest.raises(DatasetError, match=r"a\.wav: is at 44100 Hz"):
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
