"""A small denoiser learns every stream at once, on clips that have them all.

Then the loss on other clips is measured, told everything and told one stream alone: how far it
rises where a stream is left out, and where it tells what is true of another clip.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks import small_band, sung_clips
from benchmarks.harness import AsJson, Docs, Findings, Kept, Work, markdown, model_identity
from benchmarks.stream_losses import RISES, gradients, hold, of_all, of_stream, rises
from benchmarks.sung_clips import VOICES, Record, alone, clip
from muze.audio.io import write_audio, write_whole
from muze.audio.mel import MelSettings, log_mel_array
from muze.core.grid import Audio
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.data.track import track_grid
from muze.model.unet import UNetSettings
from muze.pipelines.assemble import assemble
from muze.pipelines.components import open_streams
from muze.pipelines.load import load_model
from muze.pipelines.model_info import model_folder
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import open_report

ALWAYS = ("audio_path", "duration", "tempo", "time_signature")
FIELDS = {
    "text": ("prompt",), "section": ("segments",), "position": (), "energy": ("energy_curve",),
    "tempo": (), "key": ("key",), "loudness": ("loudness", "loudness_curve"),
    "has_vocals": ("has_vocals",), "sentiment": ("sentiment_score",), "genre": ("genre",),
    "artist": ("artist",), "voice": ("voice_embedding",), "clap": ("clap_audio_embedding",),
    "beat": ("beat_positions", "downbeat_positions"), "chord": ("chords",),
    "drums": ("drum_onsets",), "midi": ("notes",), "melody": ("melody_chroma",),
    "f0": ("f0_contour", "f0_voiced_mask"),
    "vibrato": ("vibrato_rate", "vibrato_depth", "vibrato_extent"),
    "breath": ("breath_positions",), "phoneme": ("phonemes_ipa",),
    "phoneme_timestamps": ("phoneme_timestamps",), "brightness": ("brightness",),
}  # fmt: skip
"""By stream, what it reads of a record; tempo and position are told by every record."""
SETTINGS: dict[str, dict[str, object]] = {"voice": {"ecapa": None}}
"""Of streams, where they are not the usual."""
UNET = UNetSettings(
    latent_dim=192, model_channels=128, channel_mult=(1, 1), num_res_blocks=1,
    attention_levels=(1,), strides=((1, 2),), kernel=(1, 3), num_heads=4, expansion=2,
    context_dim=128, vector_dim=256, frames_dim=128, voice_dim=128,
)  # fmt: skip
CROP = 256
LEARNED = {
    (True, True): "alone, and beside the rest", (True, False): "alone",
    (False, True): "beside the rest", (False, False): "no",
}  # fmt: skip
"""Where another clip's values are surely worse than the true ones."""


def dataset(work: Path, split: int, count: int, singly: bool, kept: Kept) -> Path:
    """Return a dataset of clips; ``singly``: each once more, its record telling one stream."""
    sources = [Path(str(module.__file__)).read_bytes() for module in (small_band, sung_clips)]
    drawn = hashlib.sha256(b"".join(sources)).hexdigest()[:8]
    folder = work / drawn
    folder.mkdir(parents=True, exist_ok=True)
    streams = open_streams({name: SETTINGS.get(name, {}) for name in FIELDS}, Registry())
    voices = {}
    for voice in VOICES:
        listen = partial(heard, alone(voice), streams["voice"])
        voices[voice.name] = kept.get({"voice": voice.name, "drawn": drawn}, listen)
    tracks = []
    with open_report() as report:
        advance = report.task("clips", count)
        for index in range(count):
            draw = partial(_drawn, (split, index), folder, streams)
            record = kept.get({"clip": [split, index], "drawn": drawn}, draw)
            record |= voices.get(record.get("artist", ""), {})
            tracks.append(record)
            if singly:
                there = [n for n, fields in FIELDS.items() if all(f in record for f in fields)]
                one = there[int(np.random.default_rng((split, index)).integers(len(there)))]
                tracks.append({name: record[name] for name in (*ALWAYS, *FIELDS[one])})
            advance()
    out = folder / f"{split}-{count}.json"
    write_whole(out, json.dumps({"muze_dataset": 1, "tracks": tracks}).encode())
    return out


def _drawn(seed: tuple[int, int], folder: Path, streams: dict[str, Stream]) -> Record:
    """Write a clip, and return its record with what is heard in it."""
    path = folder / f"{seed[0]}-{seed[1]:05d}.flac"
    audio, record = clip(seed)
    write_audio(path, audio)
    for name in ("loudness", "brightness"):
        record |= heard(audio, streams[name])
    return {**record, "audio_path": path.name, "clap_audio_embedding": projected(audio)}


def heard(audio: Audio, stream: Stream) -> dict[str, Any]:
    """Return what a stream hears, as a record tells it."""
    grid = track_grid({"duration": audio.duration, "tempo": 120.0})
    return stream.fields(stream.extract(audio, grid), grid)


def projected(audio: Audio) -> list[float]:
    """Return 512 numbers of length 1 in place of CLAP's, whose weights no package carries.

    They are a fixed random projection of the mean and the deviation of each mel band.
    """
    mel = (log_mel_array(audio.mono, MelSettings()) + 4.8) / 2.1  # as the starter's autoencoder
    about = np.concatenate([mel.mean(axis=1), mel.std(axis=1)])
    drawn = np.random.default_rng(0).standard_normal((512, len(about))) @ about
    return [round(float(x), 5) for x in drawn / np.linalg.norm(drawn)]


def table(data: dict[str, dict[str, Any]]) -> str:
    """Return a row a stream."""
    rows = []
    for name, found in data.items():
        cells = [
            f"{x.mean:.2f} [{x.low:.2f}, {x.high:.2f}]" for x in (found[column] for column in RISES)
        ]
        rows.append([name, str(found["left out"].count), *cells, f"{100 * found['output']:.1f} %",
                     f"{found['gradient']:.1e}", found["learned"]])  # fmt: skip
    headers = ["stream", "clips", *RISES, "output moves by", "gradient", "learned"]
    return markdown(headers, rows)


def main(
    num_clips: Annotated[int, typer.Option(min=1, help="Clips to train on.")] = 1200,
    held_out: Annotated[int, typer.Option(min=2, help="Other clips, to measure on.")] = 192,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1500,
    batch_size: Annotated[int, typer.Option(min=1, help="Crops a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="AdamW's.")] = 1e-3,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    work: Work = Path("runs/benchmarks/streams-learn"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Train a small denoiser on clips that have every stream, and measure what each is worth."""
    torch.set_num_threads(threads)
    registry, kept = Registry(), Kept(work / "kept")
    clips = dataset(work, 0, num_clips, True, kept)
    others = dataset(work, 1, held_out, False, kept)
    identity = hashlib.sha256(clips.read_bytes()).hexdigest()[:8]
    run = work / f"run-{identity}-{steps}-{batch_size}-{learning_rate:g}"
    base = model_folder("starter", registry, Path.cwd())
    given = {
        "dataset": clips, "run": run, "vae": base, "unet": UNET, "crop_frames": CROP,
        "streams": {name: SETTINGS.get(name, {}) for name in FIELDS}, "steps": steps,
        "batch_size": batch_size, "learning_rate": learning_rate, "drop_each": 0.4, "ema": 0.99,
        "warmup": 50, "save_every": 200, "threads": threads, "resume": (run / "state").exists(),
    }  # fmt: skip
    settings = TrainingSettings.model_validate(given)
    if not (run / "denoiser").exists():
        with open_report() as report:
            train(settings, report)
    folder = run / "model"
    assemble(folder, {"autoencoder": base, "denoiser": run / "denoiser"})
    held = hold(load_model(folder, registry, "cpu"), others, settings)
    about = {"networks": model_identity(folder), "clips": held_out}
    usual = kept.get({**about, "told": "all and nothing"}, partial(of_all, held))
    slopes = kept.get({**about, "told": "gradients"}, partial(gradients, held))
    data: dict[str, dict[str, Any]] = {}
    with open_report() as report:
        advance = report.task("measuring streams", len(FIELDS))
        for name in FIELDS:
            one = kept.get({**about, "told": name}, partial(of_stream, held, name))
            found = rises({**usual, **one["losses"]}, one["has"])
            by = (found["alone, another's"].low > 0, found["another's"].low > 0)
            data[name] = {**found, "output": one["output"], "gradient": slopes[name],
                          "learned": LEARNED[by]}  # fmt: skip
            advance()
    shown = {
        "training clips": num_clips, "clips measured": held_out, "steps": steps,
        "batch": batch_size, "learning rate": learning_rate,
        "loss told all": round(float(np.mean(usual["told"])), 3),
        "told nothing": round(float(np.mean(usual["nothing"])), 3),
    }  # fmt: skip
    findings = Findings("streams-learn", shown, kept.seconds, data=data)
    findings.tables["By how many percent the loss rises; mean and 95 % interval"] = table(data)
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
