"""What the extractors hear in songs whose truth is known; written into muze for its reports."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.excerpts import held_out_excerpts, truth_rows
from benchmarks.harness import Kept, NumSongs, Songs, Work
from muze.core.registry import Registry
from muze.evaluation.ceilings import FILE, write_ceilings
from muze.report import open_report

SECONDS = 20.0
HEARD = ("tempo", "beat", "key", "chord", "section", "energy", "f0", "melody", "drums")
"""Streams of which a record of muze-corpus knows the truth of an excerpt."""


def main(
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    work: Work = Path("runs/benchmarks/ceilings"),
    out: Annotated[Path, typer.Option(help="File to write.")] = FILE,
) -> None:
    """Hear excerpts of held-out songs of muze-corpus against their own records."""
    registry, kept, found = Registry(), Kept(work), []
    excerpts = held_out_excerpts(songs, num_songs, SECONDS)
    with open_report() as report:
        advance = report.task("measuring true audio", len(excerpts))
        for excerpt in excerpts:
            about = {"excerpt": excerpt.name, "seconds": SECONDS, "streams": HEARD}
            hear = partial(truth_rows, excerpt.audio, excerpt, HEARD, registry)
            found.append(kept.get(about, hear))
            advance()
    told = f"the first {num_songs} held-out songs of muze-corpus, {SECONDS:g} s of each"
    write_ceilings({"heard in": told}, found, out)
    print(out)


if __name__ == "__main__":
    typer.run(main)
