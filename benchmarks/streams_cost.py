"""What streams cost a training: seconds that a step computes, and in which a batch is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.harness import AsJson, Docs, Findings, markdown
from muze.core.registry import Registry
from muze.data.conditions import recall_crops
from muze.data.crops import draw_crops
from muze.data.store import read_dataset
from muze.data.track import track_grid
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_settings
from muze.pipelines.components import open_streams
from muze.pipelines.model_info import model_folder

BATCH, FRAMES, ROUNDS, TRACKS = 16, 512, 9, 40


def median_seconds(work: Callable[[], object]) -> float:
    """Return the median of some rounds after a first one."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))


def main(
    dataset: Annotated[Path, typer.Argument(help="Dataset whose records tell all the streams.")],
    added: Annotated[
        str, typer.Option(help="Streams beside those of the model, by commas.")
    ] = "f0,melody,drums,midi,vibrato,breath,has_vocals,phoneme_timestamps,voice",
    model: Annotated[str, typer.Option(help="The model whose denoiser it is.")] = "starter",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time steps of a denoiser with its own streams, with more, and with attention to voices."""
    torch.set_num_threads(threads)
    registry = Registry()
    folder = model_folder(model, registry, Path.cwd())
    about = part_settings(folder, "denoiser", DenoiserSettings)
    records = read_dataset(dataset).tracks[:TRACKS]
    grids = [track_grid(record) for record in records]
    lengths = [grid.frames // 8 * 8 for grid in grids]
    crops = draw_crops(lengths, BATCH, FRAMES, 8, np.random.default_rng(0))
    more = tuple(name for name in added.split(",") if name not in about.streams)
    ways = {
        "its own streams": ((), about.unet.use_voice_stream),
        f"and {', '.join(n for n in more if n != 'voice')}": (
            tuple(n for n in more if n != "voice"), about.unet.use_voice_stream),
        "and attention to voices": (more, True),
    }  # fmt: skip
    rows, data, began = [], {}, time.perf_counter()
    for name, (late, voices) in ways.items():
        streams = open_streams({**about.streams, **{n: {} for n in late}}, registry)
        unet = about.unet.model_copy(update={"use_voice_stream": voices})
        settings = about.model_copy(update={"unet": unet, "added": (*about.added, *late)})
        network = Denoiser(settings, streams)
        x = torch.randn(BATCH, unet.latent_dim, settings.latent_rows, FRAMES // 8)
        times = torch.rand(BATCH)

        def draw(streams=streams):  # type: ignore[no-untyped-def]
            return recall_crops(streams, records, grids, crops, np.random.default_rng(0))

        told = draw()

        def step(network=network, told=told, x=x, times=times):  # type: ignore[no-untyped-def]
            network.zero_grad()
            network(x, times, told).square().mean().backward()

        computed, drawn = median_seconds(step), median_seconds(draw)
        data[name] = {"step": computed, "draw": drawn}
        first = next(iter(data.values()))
        rows.append([name, f"{computed / first['step']:.2f}", f"{drawn / computed:.2f}"])
    findings = Findings(
        "streams-cost", {"batch": BATCH, "threads": threads}, time.perf_counter() - began, data=data
    )
    findings.tables["A step's computation, and the drawing of its batch beside it"] = markdown(
        ["streams", "a step, x the first", "drawing, x the step"], rows
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
