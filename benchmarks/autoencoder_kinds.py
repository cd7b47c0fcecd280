"""How well an autoencoder keeps songs of several kinds: sung or not, by soundfont, by bandwidth."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.autoencoder import load_autoencoder, through
from benchmarks.harness import (
    AsJson,
    Docs,
    Figures,
    Findings,
    Kept,
    Work,
    cell,
    markdown,
    means,
    model_identity,
)  # fmt: skip
from muze.audio.io import read_audio, resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.report import open_report

FIRST, SECONDS = 20.0, 10.0
"""Of each song, what is heard."""


def kinds(record: dict[str, Any]) -> list[str]:
    """Return the kinds a song of muze-corpus is of."""
    desk = record["production"]
    return [
        "sung" if record["has_vocals"] else "not sung",
        desk["soundfont"],
        "narrow bandwidth" if desk["bandwidth"] else "full bandwidth",
    ]


def main(
    folder: Annotated[Path, typer.Argument(help="Folder holding an autoencoder.")],
    corpus: Annotated[Path, typer.Option(help="Folder that muze-corpus build --vocals wrote.")],
    every: Annotated[int, typer.Option(min=1, help="One of so many of its songs is heard.")] = 9,
    work: Work = Path("runs/benchmarks/autoencoder-kinds"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Tell the mean absolute difference of log-mels before and after, by kind of song."""
    kept, mel = Kept(work), MelSettings()
    rebuild, identity = through(load_autoencoder(folder)), model_identity(folder)["autoencoder"]

    def lost(path: Path) -> Figures:
        samples = resample(read_audio(path), mel.sample_rate).mono
        first = round(FIRST * mel.sample_rate)
        log_mel = log_mel_array(samples[first : first + round(SECONDS * mel.sample_rate)], mel)
        return {"mel": float(np.abs(rebuild(log_mel) - log_mel).mean())}

    items: dict[str, list[Figures]] = {}
    records = sorted((corpus / "records").glob("*.json"))[::every]
    with open_report() as report:
        advance = report.task("listening", len(records))
        for path in records:
            record = json.loads(path.read_text(encoding="utf-8"))
            item = {"song": record["seed"], "split": record["split"], "row": identity}
            found = kept.get(item, partial(lost, corpus / record["audio_path"]))
            for kind in kinds(record):
                items.setdefault(kind, []).append(found)
            advance()
    data = {name: means(found) for name, found in sorted(items.items())}
    rows = [[name, str(len(items[name])), cell(found, "mel")] for name, found in data.items()]
    findings = Findings("autoencoder-kinds", {"songs": len(records)}, kept.seconds, data=data)
    findings.tables["Log-mel L1 of 10 s; mean and 95 % interval"] = markdown(
        ["kind", "songs", "log-mel L1"], rows
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
