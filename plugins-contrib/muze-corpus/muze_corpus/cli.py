"""The command muze-corpus."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


class Split(StrEnum):
    """What songs may be made of."""

    train = "train"
    held_out = "held-out"


@app.callback()
def main() -> None:
    """Composes and renders songs with exact labels."""


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="Folder to write; a stopped build goes on.")],
    songs: Annotated[int | None, typer.Option(min=1, help="How many songs.")] = None,
    hours: Annotated[float | None, typer.Option(min=0.001, help="Or how many hours.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    stems: Annotated[bool, typer.Option("--stems", help="Render every role alone too.")] = False,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Render; or only compose and tell.")
    ] = True,
    vocals: Annotated[
        bool, typer.Option("--vocals", help="Have a third of the songs sung.")
    ] = False,
    soundfonts: Annotated[
        str | None, typer.Option(help="Names with commas between; all, unless said.")
    ] = None,
    split: Annotated[
        Split, typer.Option(help="train never uses what held-out does.")
    ] = Split.train,
) -> None:
    """Compose, render and label songs."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from muze_corpus.build import Order
    from muze_corpus.build import build as build_songs
    from muze_corpus.render import SOUNDFONTS, RenderError

    console = Console(stderr=True)
    if (songs is None) == (hours is None):
        console.print("give --songs or --hours, one of them")
        raise typer.Exit(2)
    if stems and not sound:
        console.print("--stems are sound; take out --no-sound")
        raise typer.Exit(2)
    if vocals and not sound:
        console.print("--vocals are sound; take out --no-sound")
        raise typer.Exit(2)
    fonts = tuple(SOUNDFONTS) if soundfonts is None else tuple(soundfonts.split(","))
    if unknown := [font for font in fonts if font not in SOUNDFONTS]:
        console.print(f"no soundfont {unknown[0]!r}; there are {', '.join(SOUNDFONTS)}")
        raise typer.Exit(2)
    if vocals and not (out / "spoken").exists():
        console.print("first the voices speak their lines, once: some ten minutes on one core")
    began, seconds, made = time.monotonic(), 0.0, 0
    columns = (BarColumn(), TextColumn("{task.percentage:5.1f} %"),
               TextColumn("{task.description}"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=1.0)

        def report(done: float, track: dict[str, object]) -> None:
            nonlocal seconds, made
            seconds, made = seconds + float(str(track["duration"])), made + 1
            speed = seconds / max(1e-3, time.monotonic() - began)
            words = f"{made} songs, {seconds / 3600:.2f} h, {speed:.0f} x real time"
            progress.update(task, completed=done, description=words)

        try:
            order = Order(seed, split.value, sound, stems, vocals, fonts)
            build_songs(out, order, songs=songs, hours=hours, workers=workers, report=report)
        except (RenderError, ValueError, OSError) as error:
            console.print(f"error: {error}", highlight=False)
            raise typer.Exit(1) from error
    print(out / "dataset.json")


if __name__ == "__main__":
    app()
