"""A few songs of a style the model never met: what LoRA, and training all of it, learn of them.

The style is one that muze-corpus has not: its instruments but the bass play in no training song.
Losses are of other songs of that style, and of held-out songs of the styles the model knows, each
on the same crops, noise and times for every model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from muze_corpus.genres import GENRES, Genre
from muze_corpus.holdout import HELD_OUT, TRAIN

from benchmarks.excerpts import SEED, build_songs
from benchmarks.harness import (
    AsJson,
    Docs,
    Findings,
    Interval,
    Kept,
    Songs,
    Work,
    markdown,
    model_identity,
)
from muze.audio.io import write_whole
from muze.core.registry import Registry
from muze.data.mels import dataset_mels
from muze.data.store import Dataset, Record
from muze.model.header import weights_file
from muze.pipelines.latent_crops import LatentCrops
from muze.pipelines.latents import encoded
from muze.pipelines.load import choose_device, load_model
from muze.pipelines.model_info import model_folder
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.pipelines.training import draws
from muze.report import SilentReport, open_report

STYLE = Genre(
    tempo=(70, 130), metres=("4/4", "3/4", "6/8"), modes=("phrygian", "dorian", "minor"),
    sevenths=0.0, swing=0, swing_on=2, kits=(48,), drums=("ambient pulse", "march"),
    drums3=("march three",), drums6=("six-eight bembe",), drummed=0.6,
    bass_styles=("long", "roots"), comp_styles=("broken", "eighths"), bass=(32,),
    comp=(104, 31), pad=(103, 96), lead=(82, 83, 104), arp=(13,), counter=(76,), arping=0.6,
    forms=("loop", "ambient"), moods=("raga-like", "droning"),
)  # fmt: skip
"""Sitar, guitar harmonics, calliope and chiff leads, xylophone: programs no other genre plays."""
NAME = "new age"
CROPS = 12
"""Crops of each song that a loss is the mean of."""


@contextmanager
def only(name: str, style: Genre) -> Iterator[None]:
    """Let muze-corpus know one style and no other."""
    before = dict(GENRES)
    GENRES.clear()
    GENRES[name] = style
    try:
        yield
    finally:
        GENRES.clear()
        GENRES.update(before)


def songs_of(folder: Path, count: int, seed: int, split: str, style: bool) -> list[Record]:
    """Return records of muze-corpus, of the new style or of those it has, their paths absolute."""
    if style:
        with only(NAME, STYLE):
            records = build_songs(folder, count, seed, split)
    else:
        records = build_songs(folder, count, seed, split)
    return [{**r, "audio_path": str((folder / r["audio_path"]).resolve())} for r in records]


def losses_of(
    name: str, folder: Path, records: Sequence[Record], settings: TrainingSettings, work: Path
) -> list[float]:
    """Return a model's denoising loss on each song, the mean over ``CROPS`` crops."""
    registry = Registry()
    model = load_model(folder, registry, choose_device("auto"))
    dataset = Dataset(work / f"{name}.json", tuple(records))
    mels = dataset_mels(dataset, model.autoencoder.settings.mel, work / "mels", SilentReport())
    latents = encoded(mels, model.autoencoder, SilentReport())
    diffusion, out = model.denoiser.settings.diffusion, []
    for number, (record, latent) in enumerate(zip(records, latents, strict=True)):
        crops = LatentCrops((record,), [latent], model.streams, settings, model.time_stride)
        drawn = crops.draw(*draws(0, number + 1), CROPS, slice(None), dropping=False)
        with torch.inference_mode():
            x_0 = model.denoiser.normalise(drawn["latents"])
            x_t = diffusion.diffuse(x_0, drawn["noise"], drawn["times"])
            predicted = model.denoiser(x_t, drawn["times"], drawn["told"])
            wanted = diffusion.target(x_0, drawn["noise"], drawn["times"])
        out.append(float((predicted - wanted).square().mean()))
    return out


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    train_songs: Annotated[int, typer.Option(min=1, help="Songs trained on.")] = 6,
    num_songs: Annotated[int, typer.Option(min=2, help="Songs of each kind judged on.")] = 12,
    rank: Annotated[int, typer.Option(min=1, help="Rank of LoRA.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 300,
    learning_rate: Annotated[float, typer.Option(help="Of LoRA.")] = 1e-3,
    full_rate: Annotated[float, typer.Option(help="Of a training of all weights.")] = 1e-4,
    amp: Annotated[str, typer.Option(help="off, or bf16 where it is fast.")] = "off",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    songs: Songs = Path("data/held-out"),
    work: Work = Path("runs/benchmarks/lora"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune on a few songs of a new style, and judge on others."""
    torch.set_num_threads(threads)
    kept = Kept(work / "kept")
    base = model_folder(model, Registry(), Path.cwd())
    mine = songs_of(work / "train", train_songs, 0, TRAIN, style=True)
    judged = {
        "the new style, other songs": songs_of(work / "held-out", num_songs, SEED, HELD_OUT, True),
        "styles it knew": songs_of(songs, num_songs, SEED, HELD_OUT, False),
    }
    dataset = work / f"{train_songs}-songs.json"
    write_whole(dataset, json.dumps({"muze_dataset": 1, "tracks": mine}).encode())
    shared = {
        "dataset": dataset, "start": model, "steps": steps, "crop_frames": 256, "batch_size": 4,
        "warmup": 20, "ema": 0.99, "amp": amp, "save_every": 50, "threads": threads,
    }  # fmt: skip
    ways = {"LoRA": {"lora": rank, "learning_rate": learning_rate},
            "all weights": {"learning_rate": full_rate}}  # fmt: skip
    folders, settings = {"before": base}, None
    for way, given in ways.items():
        rate = f"{given['learning_rate']:g}"
        run = work / f"{way.replace(' ', '-')}-{rank}-{train_songs}-{steps}-{rate}-{amp}"
        resume = {"resume": True} if (run / "state").exists() else {}
        settings = TrainingSettings.model_validate({**shared, **given, "run": run, **resume})
        with open_report() as report:
            train(settings, report)
        folders[way] = model_folder(str(run), Registry(), Path.cwd())
    assert settings is not None
    found: dict[str, dict[str, list[float]]] = {}
    for kind, records in judged.items():
        for way, folder in folders.items():
            about = {"losses": kind, "model": model_identity(folder), "songs": num_songs,
                     "crops": CROPS, "crop_frames": settings.crop_frames}  # fmt: skip
            judge = partial(losses_of, kind.replace(" ", "-"), folder, records, settings, work)
            found.setdefault(kind, {})[way] = kept.get(about, judge)
    shown = {"model": model, "songs trained on": train_songs, "songs judged on": num_songs,
             "rank": rank, "steps": f"{steps} of 4 crops of 2.56 s", "amp": amp}  # fmt: skip
    findings = Findings("lora", shown, kept.seconds)
    for kind, by in found.items():
        changes = {w: np.subtract(losses, by["before"]).tolist() for w, losses in by.items()}
        findings.data[kind] = {
            way: {"loss": Interval.of(losses), "change": Interval.of(changes[way])}
            for way, losses in by.items()
        }
    rows = [
        [kind, *(str(by[w]["loss"]) for w in folders), *(str(by[w]["change"]) for w in ways)]
        for kind, by in findings.data.items()
    ]
    findings.tables["Denoising loss, less is better; mean over songs and 95 % interval"] = markdown(
        ["songs of", *folders, *(f"change by {way}" for way in ways)], rows
    )
    sizes = {way: _megabytes(folder) for way, folder in folders.items()}
    findings.data["megabytes"] = sizes
    findings.tables["File of the denoiser"] = markdown(
        [*sizes], [[f"{size:.1f} MB" for size in sizes.values()]]
    )
    findings.show(as_json, docs)


def _megabytes(folder: Path) -> float:
    return weights_file(folder, "denoiser").stat().st_size / 1e6


if __name__ == "__main__":
    typer.run(main)
