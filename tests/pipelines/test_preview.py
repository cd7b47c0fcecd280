"""What trainings show of themselves, and that they are the same for it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from muze.audio.io import read_audio
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines import preview, train_diffusion, train_vae, train_vocoder
from muze.pipelines.preview import Previews, draw_log_mels
from muze.pipelines.training import LoopSettings
from muze.report import SilentReport

PNG = b"\x89PNG\r\n\x1a\n"
CASES = {
    "vae": (train_vae, "vae", {"linear_start": True}),
    "diffusion": (train_diffusion, "denoiser", {}),
    "vocoder": (train_vocoder, "vocoder", {"crop_frames": 32}),
}


class Notes(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module", params=CASES)
def shown(request):
    """Settings of a training of five steps, of it again with a preview every two, and its notes."""
    pipeline, plain, changes = CASES[request.param]
    request.getfixturevalue(plain)
    settings = request.getfixturevalue(f"{request.param}_settings")
    with_previews = settings(f"{request.param}-shown", preview_every=2, **changes)
    report = Notes()
    pipeline.train(with_previews, report)
    return request.param, settings(request.param, **changes), with_previews, report.notes


def state(settings):
    folder = settings.run / "state"
    about = json.loads((folder / "state.json").read_text())
    return load_file(folder / "state.safetensors"), about["losses"]


def test_previews_change_no_bit_of_a_training(shown):
    _, plain, settings, _ = shown
    (ours, losses), (theirs, other_losses) = state(plain), state(settings)
    assert losses == other_losses
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not (plain.run / "previews").exists()


def test_each_is_a_sound_and_a_picture_of_the_longest_track(shown):
    name, _, settings, notes = shown
    kinds = (".json", ".png", ".wav") if name == "diffusion" else (".png", ".wav")
    folder = settings.run / "previews"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"step-{step:06d}{kind}" for step in (2, 4) for kind in kinds
    ]
    sounds = [read_audio(folder / f"step-{step:06d}.wav") for step in (2, 4)]
    for sound in sounds:
        assert (sound.sample_rate, sound.samples.shape[0]) == (32000, 1)
        assert sound.duration == 4.8  # the longest of the dataset's songs
        assert sound.samples.any()
    assert not np.array_equal(sounds[0].samples, sounds[1].samples)
    assert all(path.read_bytes().startswith(PNG) for path in folder.glob("*.png"))
    assert not [note for note in notes if "no preview" in note]


@pytest.mark.parametrize("shown", ["diffusion"], indirect=True)
def test_what_a_denoiser_was_told_is_measured(shown):
    _, _, settings, notes = shown
    about = json.loads((settings.run / "previews" / "step-000004.json").read_text())
    assert (about["step"], about["track"], about["seconds"]) == (4, "audio/1.wav", 4.8)
    assert about["prompt"] in ("driving synths", "driving synths, synthwave")
    figures = {(row["stream"], row["name"]): row for row in about["scores"]}
    assert {"beat", "chord", "key", "tempo", "energy", "loudness"} <= {s for s, _ in figures}
    majmin = figures["chord", "chord majmin"]
    assert 0 <= majmin["value"] <= 1
    assert (majmin["unit"], majmin["higher_is_better"]) == ("share", True)
    told = [note for note in notes if note.startswith("diffusion: preview of step 4: ")]
    assert len(told) == 1
    assert f"chord majmin {majmin['value']:.2f}" in told[0]
    assert f"beat F {figures['beat', 'beat F']['value']:.2f}" in told[0]


@pytest.fixture
def previews(tmp_path):
    def previews(seed=0):
        settings = LoopSettings(dataset=tmp_path / "none.json", run=tmp_path, seed=seed)
        return Previews(settings, Registry(), SilentReport())

    return previews


def test_the_crop_is_ten_seconds_that_the_seed_chooses(previews):
    lengths = [500, 5000, 9003]
    crop = previews().crop(lengths, 10)
    assert crop == previews().crop(lengths, 10)
    assert crop.track in (1, 2)
    assert crop.frames == preview.FRAMES // 10 * 10
    assert crop.first % 10 == 0
    assert crop.first + crop.frames <= lengths[crop.track]
    assert len({previews(seed).crop(lengths, 10) for seed in range(5)}) > 1
    assert previews().crop([57, 83], 8).frames == 80


def test_a_sound_too_loud_for_a_file_is_limited(previews):
    loud = Audio(np.full((1, 3200), 3.0, np.float32), 32000)
    path = previews().write(7, loud, {"flat": torch.zeros(128, 10)})
    assert path.name == "step-000007.wav"
    assert np.abs(read_audio(path).samples).max() <= 1


def test_log_mels_are_drawn_one_below_the_other():
    ramp = torch.linspace(-9, 0, 128)[:, None].expand(128, 50)
    one, two = (draw_log_mels(dict.fromkeys(titles, ramp), 0.5) for titles in ("a", "ab"))
    heights = [int.from_bytes(picture[20:24], "big") for picture in (one, two)]
    assert heights[1] > 1.5 * heights[0]
