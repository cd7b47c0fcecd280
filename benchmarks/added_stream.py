"""A stream from outside, added to a trained model: trained alone, then asked for and left out.

The model's weights stay as they are, and only what the stream brought is trained, on songs of
muze-corpus. Where their records tell the stream, they are its truth, and held-out excerpts are
asked for again: all that the model's streams recall of one, with the new stream and without.
Where they do not, songs get the stream's record by its own ``extract``, and curves are asked with
the words and tempo of held-out songs. Both renders of a song are from the same noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.asking import (
    SECONDS,
    ask_curve,
    ask_truth,
    curves,
    measured,
    planned,
    tells,
    told_excerpts,
)
from benchmarks.excerpts import held_out_excerpts
from benchmarks.harness import (
    AsJson,
    Docs,
    Findings,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    means,
    model_identity,
)
from muze.audio.io import read_audio, write_whole
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.data.store import Dataset, Record, read_dataset
from muze.data.track import track_grid
from muze.evaluation.rendering import Ready
from muze.pipelines.assemble import assemble
from muze.pipelines.components import open_streams
from muze.pipelines.load import choose_device, load_model, load_vocoder
from muze.pipelines.model_info import model_folder
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import open_report


def training_songs(
    dataset: Dataset, count: int, stream: Stream, truth: bool, kept: Kept, folder: Path
) -> Path:
    """Return a dataset of the first songs of another, which tell the stream.

    Without ``truth`` they tell what the stream hears in them.
    """
    tracks = []
    with open_report() as report:
        advance = report.task("reading songs" if truth else "hearing songs", count)
        for record in dataset.tracks[:count]:
            told = {} if truth else _heard(dataset.audio(record), record, stream, kept)
            audio_path = str(dataset.audio(record).resolve())
            tracks.append({**record, **told, "audio_path": audio_path})
            advance()
    out = folder / f"{count}-songs{'-as-told' if truth else ''}.json"
    write_whole(out, json.dumps({"muze_dataset": 1, "tracks": tracks}).encode())
    return out


def _heard(path: Path, record: Record, stream: Stream, kept: Kept) -> Record:
    def hear() -> Record:
        audio, grid = read_audio(path), track_grid(record)
        return stream.fields(stream.extract(audio, grid), grid)

    about = {"hears": stream.name, "version": stream.feature_version}
    found: Record = kept.get({**about, "song": record["audio_path"]}, hear)
    return found


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    stream: Annotated[
        str, typer.Option(help="An installed stream it does not know.")
    ] = "brightness",
    dataset: Annotated[Path, typer.Option(help="Songs to train on.")] = Path(
        "data/train/dataset.json"
    ),
    train_songs: Annotated[int, typer.Option(min=1, help="How many of them.")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 400,
    learning_rate: Annotated[float, typer.Option(help="Of the new weights.")] = 3e-3,
    amp: Annotated[str, typer.Option(help="off, or bf16 where it is fast.")] = "off",
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 16,
    work: Work = Path("runs/benchmarks/added-stream"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Train a new stream on a trained model, and measure what asking for it does."""
    registry, kept = Registry(), Kept(work / "kept")
    new = open_streams({stream: {}}, registry)[stream]
    work.mkdir(parents=True, exist_ok=True)
    found = read_dataset(dataset)
    truth = tells(found.tracks[:train_songs], new)
    if truth:
        excerpts = told_excerpts(songs, num_songs, new)
    else:
        excerpts = held_out_excerpts(songs, num_songs, SECONDS)
    tracks = training_songs(found, train_songs, new, truth, kept, work)
    run = work / f"{stream}-{new.feature_version}-{train_songs}-{steps}-{learning_rate:g}-{amp}"
    given = {
        "dataset": tracks, "run": run, "start": model, "add_stream": [stream], "freeze": "base",
        "steps": steps, "learning_rate": learning_rate, "ema": 0.99, "amp": amp, "save_every": 100,
        "crop_frames": 512, "batch_size": 16, "warmup": 20,
        "resume": (run / "state").exists(),
    }  # fmt: skip
    settings = TrainingSettings.model_validate(given)
    with open_report() as report:
        train(settings, report)
    folder = work / f"{run.name}-model"
    base = model_folder(model, registry, Path.cwd())
    assemble(folder, {"autoencoder": base, "denoiser": run / "denoiser"}, precision="fp16")
    told: Iterable[dict[str, Any]] = repeat({})
    if not truth:
        told = ({stream: curve} for curve in curves(tracks, stream))
    pairs = zip(excerpts, told, strict=False)
    plans = [planned(excerpt, streams, folder.resolve()) for excerpt, streams in pairs]
    ready = Ready(
        load_model(folder, registry, choose_device("auto")),
        load_vocoder(plans[0], folder, registry),
        registry,
        model_identity(folder),
    )
    ask = ask_truth if truth else ask_curve
    askings = [ask(e, plan, stream, ready) for e, plan in zip(excerpts, plans, strict=True)]
    columns = measured(askings, new, ready, kept)
    shown = {"model": model, "training songs": train_songs, "steps": steps, "songs": num_songs}
    findings = Findings(f"added-{stream}" if truth else "added-stream", shown, kept.seconds)
    findings.data = {name: means(items) for name, items in columns.items()}
    findings.tables[f"{stream} added to {model}, whose own weights stay as they were"] = markdown(
        ["figure", *columns],
        [
            [name, *(cell(found, name) for found in findings.data.values())]
            for name in findings.data["told"]
        ],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
