"""What ``muze dataset build`` costs: whole processes over a folder of music, and where time goes.

    python -m benchmarks.build_dataset MUSIC --docs docs/dataset.md

Three builds: of the folder, of the folder again with nothing changed, and with one file more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Cores, Docs, Findings, markdown

GIGABYTE = 1e9
POLL = 0.1
"""Seconds between two looks at the memory of a build and its processes."""


def memory(process: int) -> int:
    """Return the resident bytes of a process and all of its children (Linux)."""
    total = 0
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
        total = int(fields[1]) * 4096
        for thread in Path(f"/proc/{process}/task").iterdir():
            total += sum(memory(int(c)) for c in (thread / "children").read_text().split())
    except (OSError, ValueError):  # it ended meanwhile
        pass
    return total


def build(music: Path, output: Path, workers: int) -> tuple[float, float, dict[str, Any]]:
    """Return wall seconds, peak gigabytes and the report of a build.

    Raises:
        typer.Exit: it failed; its own words are on stderr.
    """
    muze = str(Path(sys.executable).with_name("muze"))
    command = [muze, "dataset", "build", str(music), "--output", str(output), "--quiet", "--json",
               "--workers", str(workers)]  # fmt: skip
    started, peak = time.perf_counter(), [0]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(POLL):
            peak[0] = max(peak[0], memory(running.pid))

    looking = threading.Thread(target=look)
    looking.start()
    told, _ = running.communicate()
    seconds = time.perf_counter() - started
    ended.set()
    looking.join()
    if running.returncode:
        raise typer.Exit(1)
    return seconds, peak[0] / GIGABYTE, json.loads(told)


def main(
    music: Annotated[Path, typer.Argument(help="A folder of music, of two files or more.")],
    cores: Cores = 2,
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time a build, the same again, and one file more."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        own, output = Path(place) / "music", Path(place) / "songs.parquet"
        shutil.copytree(music, own)
        (last,) = sorted(file for file in own.iterdir() if file.is_file())[-1:]
        last.rename(Path(place) / last.name)
        first = build(own, output, cores)
        again = build(own, output, cores)
        (Path(place) / last.name).rename(last)
        more = build(own, output, cores)
    tracks, seconds = first[2]["tracks"], first[2]["seconds"]
    rows = [
        [name, str(found[2]["heard"]), f"{found[0]:.1f} s", f"{found[0] / first[0]:.3f}",
         f"{found[1]:.2f} GB"]
        for name, found in (("build", first), ("again", again), ("one file more", more))
    ]  # fmt: skip
    spent = sorted(seconds.items(), key=lambda item: -item[1])
    whole = sum(seconds.values())
    where = [[name, f"{x / tracks:.2f} s", f"{x / whole:.0%}"] for name, x in spent]
    findings = Findings(
        "build", {"tracks": tracks, "workers": cores}, time.perf_counter() - started
    )
    findings.tables["Builds"] = markdown(
        ["build", "tracks heard", "time", "of the first", "memory at most"], rows
    )
    findings.tables["Where the time goes, for a track and process"] = markdown(
        ["heard", "seconds", "share"], where
    )
    findings.data = {
        name: {"seconds": found[0], "gigabytes": found[1], "report": found[2]}
        for name, found in (("first", first), ("again", again), ("more", more))
    }
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
