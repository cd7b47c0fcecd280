"""What ``muze train --estimate`` says beside what the training then takes, each in its process."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Cores, Docs, Findings, Work, markdown, use_cores
from muze.report import open_report

STEPS = 8
"""Steps of the training itself; the first does not count."""
CASES: dict[str, list[str]] = {
    "vae, starter": ["vae", "--preset", "starter"],
    "vae, starter, 4 micro-batches": ["vae", "--preset", "starter", "--accumulate", "4"],
    "diffusion, starter": ["diffusion", "--from", "starter"],
    "diffusion, 64 crops": ["diffusion", "--from", "starter", "--batch-size", "64"],
    "diffusion, 64 crops, checkpointing": [
        "diffusion", "--from", "starter", "--batch-size", "64",
        "--set", "unet.use_gradient_checkpointing=true",
    ],
    "diffusion, LoRA of rank 8": ["diffusion", "--from", "starter", "--lora", "8"],
    "vocoder, Vocos": ["vocoder", "--set", "crop_frames=64"],
    "planner": ["planner"],
}  # fmt: skip
"""Trainings, by what is said of them."""
MEASURED = """
import sys
from muze.cli import app

app(sys.argv[1:], standalone_mode=False)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""
"""A process that says last what memory it took at most."""


def say(*words: str) -> str:
    """Run ``muze`` in a process of its own, and return what it prints.

    Raises:
        typer.Exit: it failed; its own words are on stderr.
    """
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], stdout=subprocess.PIPE)
    if done.returncode:
        raise typer.Exit(1)
    return done.stdout.decode()


def compared(case: list[str], work: Path, shared: list[str]) -> dict[str, float]:
    """Return an estimate's figures, and those of the training it is of."""
    words = ["train", *case, *shared, "--run", str(work / "run"), "--steps", str(STEPS), "--quiet"]
    told = say(*words, "--estimate", "--json")
    said = json.loads(told[: told.rindex("}") + 1])
    shutil.rmtree(work / "run", ignore_errors=True)
    peak = int(say(*words).split()[-1])
    state = work / "run" / "state"
    about: dict[str, Any] = json.loads((state / "state.json").read_text(encoding="utf-8"))
    taken = {
        "weights": about["weights"]["all"],
        "step": statistics.median(about["step_seconds"][1:]),
        "memory": peak,
        "checkpoint": (state / "state.safetensors").stat().st_size,
    }
    shutil.rmtree(work / "run")
    return {
        "said weights": said["weights"], "said step": said["step_seconds"],
        "said memory": said["needed"], "said checkpoint": said["checkpoint"],
        **{f"taken {name}": value for name, value in taken.items()},
    }  # fmt: skip


def main(
    dataset: Annotated[Path, typer.Option(help="Songs to train on.")] = Path(
        "data/train/dataset.json"
    ),
    tracks: Annotated[int, typer.Option(min=4, help="How many of them.")] = 24,
    only: Annotated[str, typer.Option(help="Cases whose name has this.")] = "",
    work: Work = Path("runs/benchmarks/estimate"),
    cores: Cores = 2,
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Compare estimates of trainings of the starter's networks with the trainings."""
    use_cores(cores)
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    work.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    chosen = {name: case for name, case in CASES.items() if only in name}
    shared = ["--dataset", str(dataset), "--max-tracks", str(tracks), "--device", "cpu"]
    found: dict[str, dict[str, float]] = {}
    with open_report() as report:
        advance = report.task("estimates and trainings", len(chosen))
        for name, case in chosen.items():
            found[name] = compared(case, work, shared)
            advance()
    shutil.rmtree(work / "mels", ignore_errors=True)

    def cell(row: dict[str, float], name: str, unit: float, digits: int) -> str:
        said, taken = row[f"said {name}"], row[f"taken {name}"]
        return f"{said / unit:.{digits}f} / {taken / unit:.{digits}f} ({said / taken:.2f})"

    rows = [
        [name, f"{row['said weights'] / 1e6:.2f}M", cell(row, "step", 1, 3),
         cell(row, "memory", 1e6, 0), cell(row, "checkpoint", 1e6, 0)]
        for name, row in found.items()
    ]  # fmt: skip
    heads = ["training", "weights", "a step, s", "memory, MB", "checkpoint, MB"]
    settings = {"tracks": tracks, "steps": STEPS, "threads": os.environ["OMP_NUM_THREADS"]}
    findings = Findings("estimate", settings, time.perf_counter() - started)
    findings.tables["Said / taken (their ratio)"] = markdown(heads, rows)
    findings.data["cases"] = found
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
