"""What the benchmarks share: options, tables, the machine; intervals are muze.evaluation's."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from muze.audio.io import write_whole
from muze.evaluation.intervals import Interval as Interval  # by which the benchmarks know them
from muze.evaluation.intervals import means as means
from muze.evaluation.kept import Kept as Kept
from muze.evaluation.rendering import model_identity as model_identity

Figures = dict[str, float]

PACKAGES = ("muze", "muze-corpus", "torch", "numpy", "librosa", "mir_eval", "vocos")

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
