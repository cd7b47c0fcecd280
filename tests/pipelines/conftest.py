"""A tiny dataset on disk, and a tiny model trained on it by the real pipelines."""

import json
from functools import partial

import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.audio.torchaudio_import import torchaudio_import
from muze.core.errors import ManifestError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.model.header import read_header, write_header
from muze.pipelines import train_diffusion, train_vae, train_vocoder
from muze.pipelines.assemble import assemble
from muze.pipelines.model_info import find_model
from muze.pipelines.plan import plan_file
from muze.report import SilentReport
from muze.testing.sounds import SAMPLE_RATE, chords, clicks

SONGS = (
    ("calm piano", ["C", "Am"], 120.0, "C major", "ambient", 4.0),
    ("driving synths", ["Em", "D"], 100.0, "E minor", "synthwave", 4.8),
    ("bright strings", ["F", "C"], 140.0, "F major", "orchestral", 3.2),
)
AUTOENCODER = {
    "latent_dim": 8, "channels": [24], "num_res_blocks": 1, "patch": [128, 8], "strides": [],
    "kernel": [1, 3],
}  # fmt: skip
UNET = {
    "latent_dim": 8, "model_channels": 16, "channel_mult": [1, 2], "num_res_blocks": 1,
    "attention_levels": [1], "strides": [[1, 2]], "kernel": [1, 3], "num_heads": 2, "expansion": 2,
    "context_dim": 16, "vector_dim": 32, "frames_dim": 16, "use_voice_stream": False,
}  # fmt: skip
SMALL = {"vector": 8, "frames": 8}
STREAMS = {
    "text": {"vector": 8, "token_width": 16}, "genre": {"vector": 8}, "section": SMALL,
    "position": SMALL, "energy": SMALL, "tempo": SMALL, "key": SMALL, "loudness": SMALL,
    "beat": SMALL, "chord": SMALL,
}  # fmt: skip
LOOP = {
    "steps": 5, "batch_size": 2, "crop_frames": 64, "learning_rate": 1e-2, "warmup": 1,
    "save_every": 2, "ema": 0.9,
}  # fmt: skip


def song_audio(symbols, tempo, duration):
    """Chords of a bar of 4/4 each, with a click on every beat."""
    bar = 240 / tempo
    turns = int(np.ceil(duration / bar))
    sound = chords([symbols[k % len(symbols)] for k in range(turns)], bar).samples[0]
    length = round(duration * SAMPLE_RATE)
    beats = np.arange(0, duration - 0.05, 60 / tempo)
    mix = sound[:length] + clicks(beats, duration, beats[::4]).samples[0, :length]
    return Audio((0.7 * mix / np.abs(mix).max()).astype(np.float32)[None], SAMPLE_RATE)


def song_record(index):
    prompt, symbols, tempo, key, genre, duration = SONGS[index]
    bar, beats = 240 / tempo, np.arange(0, duration, 60 / tempo).round(4).tolist()
    bars = np.arange(0, duration, bar)
    half = float(bars[len(bars) // 2])
    return {
        "audio_path": f"audio/{index}.wav", "title": prompt.title(), "duration": duration,
        "tempo": tempo, "tempo_map": [{"beat": 0.0, "bpm": tempo}], "key": key,
        "genre": [genre], "has_vocals": False, "lyrics": None, "artist": None,
        "num_beats": len(beats), "beat_positions": beats, "downbeat_positions": beats[::4],
        "beat_numbers": [k % 4 + 1 for k in range(len(beats))], "time_signature": "4/4",
        "chord_progression": symbols,
        "chords": [
            {"chord": symbols[k % 2], "start": float(t), "end": float(min(t + bar, duration))}
            for k, t in enumerate(bars)
        ],
        "segments": [
            {"type": "verse", "start": 0.0, "end": half, "energy": 0.3},
            {"type": "chorus", "start": half, "end": duration, "energy": 0.8},
        ],
        "prompt": prompt, "prompts": [prompt, f"{prompt}, {genre}"], "loudness": -18.5,
        "provenance": {"backend": "test", "version": 1, "confidence": 1.0},
    }  # fmt: skip


@pytest.fixture(scope="session")
def registry():
    return Registry()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """The path of a dataset.json of three songs of a few seconds."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "audio").mkdir()
    for index, (_, symbols, tempo, _, _, duration) in enumerate(SONGS):
        write_audio(folder / f"audio/{index}.wav", song_audio(symbols, tempo, duration))
    tracks = [song_record(index) for index in range(len(SONGS))]
    path = folder / "dataset.json"
    path.write_text(json.dumps({"muze_dataset": 1, "tracks": tracks}))
    return path


@pytest.fixture(scope="session")
def make_song():
    return song_audio


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Where the session's runs lie, so that they share the spectrograms."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def vae_settings(dataset, runs):
    def settings(run, **changes):
        given = {"dataset": dataset, "run": runs / run, "autoencoder": AUTOENCODER}
        return train_vae.TrainingSettings.model_validate({**given, **LOOP, **changes})

    return settings


@pytest.fixture(scope="session")
def vae(vae_settings):
    """The folder of a trained autoencoder."""
    settings = vae_settings("vae", linear_start=True)
    train_vae.train(settings, SilentReport())
    return settings.run / "autoencoder"


@pytest.fixture(scope="session")
def diffusion_settings(dataset, runs, vae):
    def settings(run, **changes):
        given = {"dataset": dataset, "run": runs / run, "vae": vae, "unet": UNET}
        given["streams"] = STREAMS
        return train_diffusion.TrainingSettings.model_validate({**given, **LOOP, **changes})

    return settings


@pytest.fixture(scope="session")
def denoiser(diffusion_settings):
    """The folder of a trained denoiser."""
    settings = diffusion_settings("diffusion")
    train_diffusion.train(settings, SilentReport())
    return settings.run / "denoiser"


@pytest.fixture(scope="session")
def vocoder_settings(dataset, runs, vae):
    def settings(run, **changes):
        vocos = {"dim": 16, "intermediate_dim": 32, "num_layers": 1}
        given = {"dataset": dataset, "run": runs / run, "vae": vae, "vocos": vocos}
        return train_vocoder.TrainingSettings.model_validate({**given, **LOOP, **changes})

    return settings


@pytest.fixture(scope="session")
def judge_of_one_window():
    """A discriminator by resolution of one small window; test_duel tests the whole ones."""
    torchaudio_import()  # vocos imports torchaudio
    from vocos.discriminators import MultiResolutionDiscriminator

    return partial(MultiResolutionDiscriminator, fft_sizes=(256,))


@pytest.fixture
def small_judges(monkeypatch, judge_of_one_window):
    """Let trainings be judged by one window instead of three."""
    monkeypatch.setattr("vocos.discriminators.MultiResolutionDiscriminator", judge_of_one_window)


@pytest.fixture(scope="session")
def vocoder(vocoder_settings):
    """The folder of a trained vocoder."""
    settings = vocoder_settings("vocoder", crop_frames=32)
    train_vocoder.train(settings, SilentReport())
    return settings.run / "vocoder"


@pytest.fixture(scope="session")
def model(tmp_path_factory, vae, denoiser, vocoder):
    """A whole model folder."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    assemble(folder, {"autoencoder": vae, "denoiser": denoiser, "vocoder": vocoder}, "fp16")
    header = read_header(folder)
    for stream in header["parts"]["denoiser"]["streams"].values():
        stream["unseen"] = {}  # two songs have met next to nothing; test_trained tests what then
    write_header(folder, header)
    return folder


@pytest.fixture
def plan(tmp_path, monkeypatch, registry):
    """Plan a manifest for a model that knows every stream, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def plan(text, **options):
        (tmp_path / "song.yaml").write_text(f"muze: 1\n{text}")
        return plan_file(tmp_path / "song.yaml", registry, **options)

    return plan


@pytest.fixture
def faults(plan, tmp_path):
    """Return what is told of a manifest, line by line and without its path."""

    def faults(text, **options):
        with pytest.raises(ManifestError) as told:
            plan(text, **options)
        return str(told.value).replace(f"{tmp_path / 'song.yaml'}:", "").splitlines()

    return faults


@pytest.fixture
def plan_of(tmp_path, monkeypatch, registry, model):
    """Plan a manifest for the tiny model, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def plan_of(text="", **options):
        path = tmp_path / "song.yaml"
        lines = {
            "muze": 1, "prompt": "calm piano", "seed": 5, "duration": 3, "model": model,
            "sampler": "{name: ddim, steps: 2}",
        }  # fmt: skip
        said = [
            f"{key}: {value}\n" for key, value in lines.items() if f"\n{key}:" not in f"\n{text}"
        ]
        path.write_text("".join(said) + text)
        return plan_file(path, registry, options, find_model)

    return plan_of
