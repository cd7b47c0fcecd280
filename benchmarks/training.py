"""What the training loop costs beside a bare one, its waiting for data, and a second process.

The starter's denoiser on songs of muze-corpus, all in turns in one run. The bare loop is the same
denoiser, optimiser, clipping and averaging in thirty lines of torch, on batches in memory.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Cores, Docs, Findings, Interval, Work, markdown, use_cores
from benchmarks.training_worker import BLOCK, know_prompts, timed, training, waiting
from muze.audio.io import write_whole
from muze.core.registry import Registry
from muze.data.store import read_dataset, to_json
from muze.pipelines.latents import encode_with
from muze.pipelines.model_info import model_folder
from muze.report import open_report

BATCHES = 8
"""Batches that the bare loop has in memory, and goes through again and again."""
LAUNCH = (
    "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
)  # fmt: skip


def some_songs(dataset: Path, count: int, model: Path, work: Path) -> Path:
    """Return a dataset of the first songs of another, their latents beside it."""
    found = read_dataset(dataset)
    records = [{**r, "audio_path": str(found.audio(r).resolve())} for r in found.tracks[:count]]
    path = work / f"{count}-songs.json"
    lines = b",\n".join(to_json(record, record) for record in records)
    write_whole(path, b'{"muze_dataset":1,"tracks":[\n' + lines + b"\n]}\n")
    with open_report() as report:
        encode_with(path, str(model), "cpu", report)
    return path


def bare_steps(settings: Any) -> Iterator[float]:
    """Yield the seconds of step after step of a loop without muze's."""
    import copy

    import torch

    from muze.model.denoiser import Denoiser, DenoiserSettings
    from muze.model.header import part_settings
    from muze.pipelines.components import open_streams
    from muze.pipelines.latent_crops import LatentCrops
    from muze.pipelines.training import draws

    about = part_settings(settings.vae, "denoiser", DenoiserSettings)
    streams = open_streams(about.streams, Registry())
    shape = about.unet.latent_dim, about.latent_rows, settings.crop_frames // 8
    tracks = read_dataset(settings.dataset).tracks
    latents = [torch.zeros(*shape[:2], int(r["duration"] * 100) // 8).numpy() for r in tracks]
    crops = LatentCrops(tracks, latents, streams, settings, 8)
    model = Denoiser(about, streams).train()
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, (0.9, 0.99), fused=True)
    rows = slice(0, settings.batch_size)
    batches = [
        crops.draw(*draws(0, k), settings.batch_size, rows, dropping=True) for k in range(BATCHES)
    ]
    pairs = [*zip(averaged.parameters(), model.parameters(), strict=True)]
    step = 0
    while True:
        begun = time.perf_counter()
        batch = batches[step % BATCHES]
        x_0 = torch.randn(settings.batch_size, *shape)
        noise, t, diffusion = batch["noise"], batch["times"], about.diffusion
        optimiser.zero_grad()
        made = model(diffusion.diffuse(x_0, noise, t), t, batch["told"])
        error = (made - diffusion.target(x_0, noise, t)).square().mean((1, 2, 3))
        loss = (diffusion.weight(t) * error).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            for mean, now in pairs:
                mean.lerp_(now, 1e-4)
        loss.item()
        step += 1
        yield time.perf_counter() - begun


def beside_bare(settings: Any, turns: int) -> dict[str, list[float]]:
    """Return the median seconds of a step of both loops, turn by turn."""
    import gc

    import torch

    bare, theirs = bare_steps(settings), []

    def between() -> None:
        theirs.append(statistics.median([next(bare) for _ in range(BLOCK)][1:]))

    for _ in range(2):  # the first allocates what later ones reuse
        next(bare)
    with torch.random.fork_rng():
        ours = timed(settings.model_copy(update={"steps": turns * BLOCK + 1}), between)
    gc.collect()
    return {"muze": [statistics.median(block[1:]) for block in ours], "bare": theirs}


def run_apart(settings: Any, work: Path, processes: int) -> float:
    """Return the median seconds of a step in processes of their own, of one thread each.

    Raises:
        typer.Exit: it failed; its own words are on stderr.
    """
    file, out = work / "apart.json", work / "apart.seconds"
    write_whole(file, settings.model_dump_json(exclude_none=True).encode())
    start = [sys.executable, "-m", *(LAUNCH if processes > 1 else ())]
    start += ["-m"] if processes > 1 else []
    done = subprocess.run(
        [*start, "benchmarks.training_worker", str(file), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"},
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(settings.run, ignore_errors=True)
    if done.returncode:
        raise typer.Exit(1)
    return float(out.read_text())


def main(
    model: Annotated[str, typer.Option(help="A model, of whose networks these are.")] = "starter",
    dataset: Annotated[Path, typer.Option(help="Songs to train on.")] = Path(
        "data/train/dataset.json"
    ),
    songs: Annotated[int, typer.Option(min=1, help="How many of them.")] = 200,
    turns: Annotated[int, typer.Option(min=2, help=f"Turns of {BLOCK} steps of each loop.")] = 12,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of one process, and of two.")] = 5,
    cores: Cores = 2,
    work: Work = Path("runs/benchmarks/training"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time steps of the starter's denoiser, its batches of 16 crops of 5.12 s."""
    use_cores(cores)
    import torch

    torch.set_num_threads(cores)
    started = time.perf_counter()
    work.mkdir(parents=True, exist_ok=True)
    folder = model_folder(model, Registry(), Path.cwd())
    path = some_songs(dataset, songs, folder, work)
    settings = training(path, folder, work / "run")
    cold = waiting(settings.model_copy(update={"steps": 3 * BLOCK}))
    prompts = know_prompts(settings)
    warm = waiting(settings.model_copy(update={"steps": 3 * BLOCK}))
    turn = beside_bare(settings, turns)
    slower = [m / b for m, b in zip(turn["muze"], turn["bare"], strict=True)]
    alone = settings.model_copy(update={"threads": 1, "steps": 3 * BLOCK + 1})
    apart: dict[int, list[float]] = {1: [], 2: []}
    with open_report() as report:
        advance = report.task("processes, in turn", rounds)
        for _ in range(rounds):
            for processes, seconds in apart.items():
                seconds.append(run_apart(alone, work, processes))
            advance()
    faster = [one / two for one, two in zip(apart[1], apart[2], strict=True)]
    data = {"beside_bare": turn, "cold": cold, "warm": warm, "prompts": prompts, "apart": apart}
    shown = {"songs": songs, "batch": settings.batch_size, "turns": turns, "rounds": rounds}
    findings = Findings("training", shown, time.perf_counter() - started, data=data)
    mean = {name: statistics.median(seconds) for name, seconds in turn.items()}
    findings.tables[f"A step, in seconds; {cores} threads; median, and ratio turn by turn"] = (
        markdown(
            ["loop", "a step", "x the bare one"],
            [["bare, batches in memory", f"{mean['bare']:.3f}", "1"],
             ["muze train diffusion", f"{mean['muze']:.3f}", str(Interval.of(slower))]],
        )
    )  # fmt: skip
    findings.tables["Time for data"] = markdown(
        ["prompts", "drawing a batch, by itself", "waited for it, of all the time"],
        [["never met", f"{cold['drawing']:.3f} s", f"{100 * cold['waited']:.1f} %"],
         ["met before", f"{warm['drawing']:.3f} s", f"{100 * warm['waited']:.1f} %"]],
    )  # fmt: skip
    findings.tables["A step in processes of one thread each, the same batch; median"] = markdown(
        ["processes", "a step", "times as fast"],
        [["1", f"{statistics.median(apart[1]):.3f}", "1"],
         ["2", f"{statistics.median(apart[2]):.3f}", str(Interval.of(faster))]],
    )  # fmt: skip
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
