"""What trainings show of themselves, and that they are the same for it."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from muze.audio.io import read_audio, resample
from muze.audio.mel import log_mel_array
from muze.audio.mix import limit
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.core.mel import MelSettings
from muze.core.protocols import Score
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.header import part_settings
from muze.pipelines import preview, train_diffusion, train_vae, train_vocoder
from muze.pipelines.preview import Previews, draw_log_mels
from muze.pipelines.training import LoopSettings
from muze.report import SilentReport

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
    _, _, settings, notes = shown
    folder = settings.run / "previews"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"step-{step:06d}{kind}" for step in (2, 4) for kind in (".json", ".wav", ".webp")),
        "truth.json",
        "truth.wav",
    ]
    sounds = [read_audio(folder / f"step-{step:06d}.wav") for step in (2, 4)]
    for sound in sounds:
        assert (sound.sample_rate, sound.samples.shape[0]) == (32000, 1)
        assert sound.duration == 4.8  # the longest of the dataset's songs
        assert sound.samples.any()
    assert not np.array_equal(sounds[0].samples, sounds[1].samples)
    assert [Image.open(path).size for path in folder.glob("*.webp")] == [(800, 496)] * 2
    assert not [note for note in notes if "no preview" in note or "no figures" in note]


def test_the_truth_lies_beside_them(shown, previews):
    name, _, settings, _ = shown
    truth, made = (
        read_audio(settings.run / "previews" / file) for file in ("truth.wav", "step-000004.wav")
    )
    assert (truth.sample_rate, truth.samples.shape) == (made.sample_rate, made.samples.shape)
    song = resample(read_audio(settings.dataset.parent / "audio" / "1.wav"), 32000)
    if name == "diffusion":  # nothing is nearer to the song than what the autoencoder leaves
        autoencoder = AudioVAE(part_settings(settings.vae, "autoencoder", AutoencoderSettings))
        load_part(settings.vae, "autoencoder", autoencoder)
        with torch.no_grad():
            seen = autoencoder.encode(torch.from_numpy(sound_mel(song))[None])[0]
            song = limit(previews().hear(autoencoder.decode(seen)[0], MelSettings()))
    apart, unlike = (np.abs(sound_mel(one) - sound_mel(song)).mean() for one in (truth, made))
    assert apart < min(unlike, 0.2)


def sound_mel(sound):
    return log_mel_array(sound.samples[0], MelSettings())


@pytest.mark.parametrize("shown", ["vae", "vocoder"], indirect=True)
def test_what_should_sound_like_the_truth_is_measured_beside_it(shown):
    _, _, settings, _ = shown
    told = [
        json.loads((settings.run / "previews" / f"step-{step:06d}.json").read_text())
        for step in (2, 4)
    ]
    assert [about["step"] for about in told] == [2, 4]
    (one,), (other,) = (about["scores"] for about in told)
    assert (one["stream"], one["name"], one["unit"]) == ("mel", "log-mel distance", "dB")
    assert one["value"] > 0
    assert other["value"] != one["value"]


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
    truth = json.loads((settings.run / "previews" / "truth.json").read_text())
    assert {(r["stream"], r["name"]) for r in truth["scores"]} == set(figures)
    assert about["unheard"] == {}
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
    flat = {"true": torch.zeros(128, 10), "made": torch.full((128, 10), 0.5)}
    path = previews().write(7, loud, flat, lambda: loud)
    assert path.name == "step-000007.wav"
    (row,) = json.loads(path.with_suffix(".json").read_text())["scores"]
    assert row["value"] == pytest.approx(10 * np.log10(np.e))  # half a neper
    assert np.abs(read_audio(path).samples).max() <= 1


def test_log_mels_are_drawn_one_below_the_other():
    ramp = torch.linspace(-9, 0, 128)[:, None].expand(128, 50)
    one, two = (draw_log_mels(dict.fromkeys(titles, ramp), 0.5) for titles in ("a", "ab"))
    heights = [Image.open(io.BytesIO(picture)).height for picture in (one, two)]
    assert heights[1] > 1.5 * heights[0]


class Stand:
    """A stream that hears, or cannot."""

    def __init__(self, fault=None):
        self.fault = fault

    def extract(self, audio, grid):
        if self.fault:
            raise self.fault
        return {}

    def score(self, asked, heard, grid):
        return [Score("share", np.float32(0.25), "share", True, None)]


def test_a_stream_that_cannot_hear_costs_its_own_figures(previews):
    report = Notes()
    shown = Previews(previews().settings, Registry(), report)
    streams = {"one": Stand(), "two": Stand(NotInstalledError("library is missing"))}
    model = SimpleNamespace(streams=streams)
    drawn = {name: ({}, np.ones(3, bool)) for name in streams}
    for _ in range(2):
        told = shown._scores(Audio(np.zeros((1, 9), np.float32), 32000), drawn, model, None)
        assert [(row["stream"], row["value"]) for row in told["scores"]] == [("one", 0.25)]
        assert list(told["unheard"]) == ["two"]
        assert "library is missing" in told["unheard"]["two"]
    assert len(report.notes) == 1
    assert report.notes[0].startswith("diffusion: previews have no figures of two: ")
