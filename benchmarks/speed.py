"""What ``muze generate`` costs: whole processes, start-up and measurement included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from benchmarks.harness import (
    AsJson,
    Cores,
    Docs,
    Findings,
    Kept,
    Work,
    markdown,
    model_identity,
    use_cores,
)
from muze.core.registry import Registry
from muze.pipelines.model_info import model_folder
from muze.report import open_report

PROMPT = "driving synthwave, bright arpeggios, gated drums"
SEED = 7
BASE = "30 s, ddim 50"
RUNS = {
    BASE: ("30", "ddim", "50"),
    "30 s, dpmpp 20": ("30", "dpmpp", "20"),
    "5 min, ddim 50": ("300", "ddim", "50"),
}
HELP_RUNS = 5
MEGABYTE = 1e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system tells a peak of memory."""


def spent(arguments: list[str]) -> tuple[float, float]:
    """Return wall seconds and peak megabytes of a ``muze`` process.

    Raises:
        typer.Exit: it failed; its own words are on stderr.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("muze")), *arguments], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)  # of this child alone, unlike getrusage
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"muze {' '.join(arguments)}: exit {process.returncode}", file=sys.stderr)
        raise typer.Exit(1)
    return seconds, usage.ru_maxrss * RSS_UNIT / MEGABYTE


def render(model: Path, duration: str, sampler: str, steps: str) -> tuple[float, float]:
    """Return seconds and megabytes of one song."""
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "--duration": duration, "--sampler": sampler, "--num-steps": steps,
            "--model": str(model), "--seed": str(SEED), "--output": f"{folder}/song.wav",
        }  # fmt: skip
        flat = [word for option in options.items() for word in option]
        return spent(["generate", PROMPT, "--quiet", *flat])


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each; the median counts.")] = 3,
    cores: Cores = 2,
    work: Work = Path("runs/benchmarks/speed"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time whole processes; a fresh --work times them anew."""
    use_cores(cores)
    kept = Kept(work)
    folder = model_folder(model, Registry(), Path.cwd())
    networks = model_identity(folder)
    data: dict[str, list[tuple[float, float]]] = {}
    with open_report() as report:
        advance = report.task("timing", 1 + len(RUNS) * repeat + HELP_RUNS)
        # the very first may compile; it is told by itself
        first = kept.get({"first": networks}, partial(render, folder, *RUNS[BASE]))
        advance()
        for name, run in RUNS.items():
            data[name] = []
            for number in range(repeat):
                about = {"run": run, "number": number, "networks": networks}
                about |= {"cores": cores}
                data[name].append(kept.get(about, partial(render, folder, *run)))
                advance()
        data["muze --help"] = []
        for number in range(HELP_RUNS):
            about = {"run": "help", "number": number}
            data["muze --help"].append(kept.get(about, partial(spent, ["--help"])))
            advance()
    middle = {
        name: (median(s for s, _ in found), median(m for _, m in found))
        for name, found in data.items()
    }
    base = middle[BASE]
    rows = [[f"first run, {BASE}", f"{first[0]:.1f}", f"{first[1]:.0f}", "", ""]]
    rows += [
        [name, f"{seconds:.2f}", f"{size:.0f}", f"{seconds / base[0]:.2f}", f"{size / base[1]:.2f}"]
        for name, (seconds, size) in middle.items()
    ]
    settings = {"model": model, "runs of each": repeat}
    findings = Findings("speed", settings, kept.seconds)
    findings.tables["Whole processes, median"] = markdown(
        ["what", "seconds", "peak MB", f"x the time of {BASE}", "x its memory"], rows
    )
    findings.data = {"first": first, "runs": data, "median": middle}
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
