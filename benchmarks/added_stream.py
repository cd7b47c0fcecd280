"""A stream from outside, added to a trained model: trained alone, then asked for and left out.

Songs of muze-corpus get the stream's record by its own ``extract``; the model's weights stay as
they are, and only what the stream brought is trained. Curves are then asked of the model with the
words and tempo of held-out songs, and the same songs rendered from the same noise without them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.control import Ready, render
from benchmarks.excerpts import Excerpt, held_out_excerpts
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
from muze.data.store import read_dataset
from muze.data.track import track_grid
from muze.manifest import song_from_options
from muze.pipelines.assemble import assemble
from muze.pipelines.draw import draw
from muze.pipelines.load import choose_device, load_model, load_vocoder, open_streams
from muze.pipelines.model_info import find_model, model_folder
from muze.pipelines.plan import Plan, plan_song
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import SilentReport, open_report

SECONDS = 20.0
SHAPES = {
    "rising": (0.0, 1.0), "falling": (1.0, 0.0), "arch": (0.0, 1.0, 0.0), "valley": (1.0, 0.0, 1.0),
}  # fmt: skip
"""Curves that are asked, one after the other, between values rare and frequent in the songs."""


def annotated(dataset: Path, count: int, stream: Stream, kept: Kept, out: Path) -> Path:
    """Return a dataset of the first songs of another, with what the stream hears in each."""
    found = read_dataset(dataset)
    tracks = []
    with open_report() as report:
        advance = report.task("hearing songs", count)
        for record in found.tracks[:count]:
            hear = partial(_heard, found.audio(record), record, stream)
            about = {"hears": stream.name, "version": stream.feature_version}
            told = kept.get({**about, "song": record["audio_path"]}, hear)
            audio_path = str(found.audio(record).resolve())
            tracks.append({**record, **told, "audio_path": audio_path})
            advance()
    write_whole(out, json.dumps({"muze_dataset": 1, "tracks": tracks}).encode())
    return out


def _heard(path: Path, record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    audio, grid = read_audio(path), track_grid(record)
    return stream.fields(stream.extract(audio, grid), grid)


def span(dataset: Path, field: str) -> tuple[float, float]:
    """Return what a tenth of all values in a dataset's records lie under, and over."""
    told = [value for record in read_dataset(dataset).tracks for value in record[field]]
    low, high = np.percentile(told, (10, 90))
    return float(low), float(high)


def planned(excerpt: Excerpt, curve: Sequence[float], stream: str, model: Path) -> Plan:
    """Return the plan of a song of an excerpt's words and tempo, told its curve."""
    assert excerpt.record is not None
    song = song_from_options(
        {"PROMPT": excerpt.record["prompt"], "--duration": SECONDS, "--seed": 0}
    )
    told = {"tempo": excerpt.record["tempo"], "model": str(model), "streams": {stream: curve}}
    song = song.model_copy(update=told)
    registry = Registry()
    return plan_song(song, registry, find_model(song, registry))


def scored(ready: Ready, plan: Plan, stream: Stream, dropped: bool) -> dict[str, float]:
    """Return the stream's figures of a render that was told its curve, or not."""
    drawn = draw(plan, ready.registry, SilentReport(), ready.model.streams)
    given = {name: found for name, found in drawn.items() if not dropped or name != stream.name}
    audio = render(ready, plan, given)
    asked = stream.parse(stream.Values.model_validate(plan.streams[stream.name].values), plan.grid)
    rows = stream.score(asked, stream.extract(audio, plan.grid), plan.grid)
    return {row.name: float(row.value) for row in rows}


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
    heard = annotated(dataset, train_songs, new, kept, work / f"{train_songs}-songs.json")
    run = work / f"{stream}-{new.feature_version}-{train_songs}-{steps}-{learning_rate:g}-{amp}"
    given = {
        "dataset": heard, "run": run, "start": model, "add_stream": [stream], "freeze": "base",
        "steps": steps, "learning_rate": learning_rate, "ema": 0.99, "amp": amp, "save_every": 100,
        "crop_frames": 512, "batch_size": 16, "warmup": 20,
        "resume": (run / "state").exists(),
    }  # fmt: skip
    settings = TrainingSettings.model_validate(given)
    with open_report() as report:
        train(settings, report)
    folder = work / f"{run.name}-model"
    base = model_folder(model, registry, Path.cwd())
    assemble(folder, {"autoencoder": base, "denoiser": run / "denoiser"}, half=True)
    excerpts = held_out_excerpts(songs, num_songs, SECONDS)
    low, high = span(heard, stream)
    plans = []
    for excerpt, shape in zip(excerpts, cycle(SHAPES.values()), strict=False):
        curve = [round(low + (high - low) * x, 3) for x in shape]
        plans.append(planned(excerpt, curve, stream, folder.resolve()))
    ready = Ready(
        load_model(folder, registry, choose_device("auto")),
        load_vocoder(plans[0], folder, registry),
        registry,
        model_identity(folder),
    )
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with open_report() as report:
        advance = report.task("rendering and measuring", 2 * len(plans))
        for excerpt, plan in zip(excerpts, plans, strict=True):
            for dropped, items in found.items():
                about = {"song": excerpt.name, "networks": ready.networks, "dropped": dropped}
                about |= {"asked": plan.streams[stream].values}
                items.append(kept.get(about, partial(scored, ready, plan, new, dropped)))
                advance()
    told, left_out = means(found[False]), means(found[True])
    shown = {"model": model, "training songs": train_songs, "steps": steps, "songs": num_songs}
    findings = Findings("added-stream", shown, kept.seconds)
    findings.data = {"told": told, "left out": left_out}
    findings.tables[f"{stream} added to {model}, whose own weights stay as they were"] = markdown(
        ["figure", "told", "left out"],
        [[name, cell(told, name), cell(left_out, name)] for name in told],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
