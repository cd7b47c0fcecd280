"""What the benchmarks share: results kept item by item, intervals, tables, the machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import muze
from muze.audio.io import write_whole
from muze.model.header import whole_header

Result = Any
"""What JSON can hold."""
Figures = dict[str, float]

PACKAGES = ("muze", "muze-corpus", "torch", "numpy", "librosa", "mir_eval", "vocos")
CODE = ("analysis", "audio", "core", "data", "model", "pipelines", "plugins", "voice")
"""Packages of muze that results depend on."""
ROUNDS = 10_000
"""Resamples of a bootstrap interval."""

Work = Annotated[Path, typer.Option(help="Folder of kept results; a stopped run goes on.")]
Songs = Annotated[
    Path, typer.Option(help="Folder of held-out songs of muze-corpus; missing ones are made.")
]
NumSongs = Annotated[int, typer.Option(min=1, help="How many held-out songs are heard.")]
Docs = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Markdown file in which this benchmark's part is replaced.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in place of the tables.")]
Cores = Annotated[int, typer.Option(min=1, help="Cores to use, where the system lets us choose.")]


@cache
def code_identity() -> str:
    """Return a hash of the code and the networks of muze that results depend on."""
    root = Path(muze.__file__).parent
    files = [path for part in CODE for path in (root / part).rglob("*")]
    found = hashlib.sha256()
    for path in sorted(path for path in files if path.suffix in (".py", ".safetensors")):
        found.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return found.hexdigest()


@dataclass
class Kept:
    """Results by what they depend on, kept in a folder, with the seconds each took."""

    folder: Path
    seconds: float = 0.0

    def get(self, about: Mapping[str, Any], compute: Callable[[], Result]) -> Result:
        """Return the kept result of ``about``; compute and keep it where there is none."""
        text = json.dumps({**about, "code": code_identity()}, sort_keys=True)
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
        if not path.exists():
            started = time.perf_counter()
            result = compute()
            spent = time.perf_counter() - started
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = {"about": about, "seconds": spent, "result": result}
            write_whole(path, json.dumps(kept).encode())
        found = json.loads(path.read_text(encoding="utf-8"))
        self.seconds += found["seconds"]
        return found["result"]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval over ``count`` items."""

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the interval of the mean of ``values`` (Efron 1979; percentiles, seed 0)."""
        array = np.asarray(values, float)
        drawn = np.random.default_rng(0).integers(len(array), size=(ROUNDS, len(array)))
        low, high = np.percentile(array[drawn].mean(axis=1), (2.5, 97.5))
        return cls(float(array.mean()), float(low), float(high), len(array))

    def __str__(self) -> str:
        """Return ``.912 [.880, .940]``, as a cell of a table."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def means(items: Sequence[Figures]) -> dict[str, Interval]:
    """Return each figure's interval over the items that have it."""
    names = dict.fromkeys(name for item in items for name in item)
    return {name: Interval.of([i[name] for i in items if name in i]) for name in names}


def cell(found: Mapping[str, Interval], name: str) -> str:
    """Return a figure as a cell, ``-`` where nothing has it."""
    return str(found[name]) if name in found else "-"


def mean_cell(found: Mapping[str, Interval], name: str) -> str:
    """Return a figure's mean alone as a cell."""
    return f"{found[name].mean:.3f}" if name in found else "-"


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def use_cores(count: int) -> None:
    """Hold this process and its children to ``count`` cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def machine() -> dict[str, Any]:
    """Return the processor, the cores this process may use, and the versions of what computes."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*:\s*(.+)", info.read_text())):
        cpu = found[1]
    available = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if available else os.cpu_count()
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"cpu": cpu, "cores": cores, "system": platform.platform(), "versions": versions}


def model_identity(folder: Path) -> dict[str, str]:
    """Return the hash of each network of a model folder."""
    return {name: part["sha256"] for name, part in whole_header(folder)["parts"].items()}


@dataclass
class Findings:
    """What a benchmark found: a table a heading, and the same as data."""

    name: str
    settings: dict[str, Any]
    seconds: float
    tables: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    def show(self, as_json: bool, docs: Path | None = None) -> None:
        """Print to stdout, and replace the part of this benchmark in ``docs``.

        Raises:
            typer.BadParameter: ``docs`` has no part of this name.
        """
        here = machine()
        text = self._text(here)
        if docs is not None:
            paste(docs, self.name, text)
        if as_json:
            about = {"benchmark": self.name, "machine": here, "settings": self.settings}
            taken = {"seconds": round(self.seconds, 1)}
            print(json.dumps({**about, **taken, **self.data}, indent=1, default=vars))
        else:
            print(text)

    def _text(self, here: Mapping[str, Any]) -> str:
        parts = []
        for heading, table in self.tables.items():
            parts.append(f"**{heading}**\n\n{table}")
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        versions = ", ".join(f"{name} {value}" for name, value in here["versions"].items())
        parts.append(
            f"{here['cpu']}, {here['cores']} cores; {self.seconds:.0f} s of work; {settings}; "
            f"{versions}."
        )
        return "\n\n".join(parts)


def paste(path: Path, name: str, text: str) -> None:
    """Put ``text`` between ``<!-- name -->`` and ``<!-- /name -->`` of a file.

    Raises:
        typer.BadParameter: the file has no such marks.
    """
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    before = path.read_text(encoding="utf-8")
    if not marks.search(before):
        raise typer.BadParameter(f"{path}: has no part <!-- {name} --> ... <!-- /{name} -->")
    after = marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", before)
    write_whole(path, after.encode())
