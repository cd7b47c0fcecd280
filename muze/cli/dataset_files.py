"""What one does with a dataset: check, show, stats, export, import, merge, artists."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Argument(help="A dataset, .json or .parquet.")]
Out = Annotated[Path, typer.Argument(help="The dataset to write, .json or .parquet.")]
Fields = Annotated[
    str | None, typer.Option(help="Fields to keep, as tempo,key,chords; all if not said.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


class Keep(StrEnum):
    """Which of two that are the same stays."""

    last = "last"
    first = "first"


def register(app: typer.Typer) -> None:
    """Add the commands to ``muze dataset``."""
    app.command("check")(check)
    app.command("show")(show)
    app.command("stats")(stats)
    app.command("export")(export)
    app.command("import")(import_dataset)
    app.command("merge")(merge)
    app.command("artists")(artists)


def check(
    data: Data,
    decode: Annotated[
        bool, typer.Option("--decode", help="Read all of the sound, not only its headers.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell all that is wrong with a dataset and its sound; exit 1 if anything is."""
    from muze.data.check import check_dataset
    from muze.data.names import printable
    from muze.report import open_report

    with open_report(quiet) as report:
        faults = check_dataset(data, report, decode)
    if as_json:
        print(json.dumps([fault.to_json() for fault in faults], indent=2))
    else:
        for fault in faults:
            print(printable(str(fault)))
        tracks = len({fault.track for fault in faults})
        print(f"faults: {len(faults)}, in tracks: {tracks}" if faults else "no faults")
    if faults:
        raise typer.Exit(1)


def show(
    data: Data,
    track: Annotated[
        str | None,
        typer.Argument(help="A track: its number from 0, its audio_path, or part of its name."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the track over time into this PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a table of the tracks, or all that is known of one."""
    if picture is not None and picture.suffix.lower() != ".png":
        raise typer.BadParameter(f"{picture}: a picture's name ends in .png")
    if track is None:
        if picture is not None:
            raise typer.BadParameter("say which track to draw")
        _show_tracks(data, as_json)
        return
    from muze.audio.io import write_whole
    from muze.pipelines.track_card import draw_track, find_track

    number, record = find_track(data, track)
    if as_json:
        print(json.dumps({"track": number, **record}, indent=2))
    else:
        from muze.cli.dataset_views import show_card

        show_card(number, record)
    if picture is not None:
        write_whole(picture, draw_track(record))
        print(picture, file=sys.stderr if as_json else sys.stdout)


def _show_tracks(data: Path, as_json: bool) -> None:
    from muze.cli.dataset_views import IN_TABLE, show_tracks
    from muze.data.store import iterate_dataset

    records = iterate_dataset(data, IN_TABLE)
    if as_json:
        rows = [
            {"track": number, "audio_path": record["audio_path"], "duration": record["duration"]}
            | {name: record.get(name) for name in IN_TABLE}
            for number, record in enumerate(records)
        ]
        print(json.dumps(rows, indent=2))
    else:
        show_tracks(records)


def stats(
    data: Data,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots to this file as well.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is in a dataset: how fast, in which keys, how long, what is missing, and why."""
    from muze.data.stats import summarise
    from muze.data.store import iterate_dataset

    found = summarise(iterate_dataset(data))
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        from muze.cli.dataset_views import show_stats

        show_stats(found)
    if html is not None:
        from muze.audio.io import write_whole
        from muze.pipelines.stats_page import stats_page

        page = stats_page(found, data.name)
        write_whole(html, page.encode("utf-8", "backslashreplace"))
        print(html, file=sys.stderr if as_json else sys.stdout)


def export(
    data: Data, out: Out, fields: Fields = None, force: Force = False, quiet: Quiet = False
) -> None:
    """Write a dataset in the other format, or elsewhere; prints the new one."""
    _convert(data, out, fields, force, quiet)


def import_dataset(
    data: Data, out: Out, fields: Fields = None, force: Force = False, quiet: Quiet = False
) -> None:
    """Write a dataset in the other format, or elsewhere, as export does; prints the new one."""
    _convert(data, out, fields, force, quiet)


def _convert(data: Path, out: Path, fields: str | None, force: bool, quiet: bool) -> None:
    from muze.data.convert import convert_dataset
    from muze.report import open_report

    _check_free(out, force)
    names = None if fields is None else [name.strip() for name in fields.split(",")]
    with open_report(quiet) as report:
        convert_dataset(data, out, report, names)
    print(out)


def merge(
    a: Annotated[Path, typer.Argument(help="A dataset, .json or .parquet.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The dataset to write.")],
    keep: Annotated[Keep, typer.Option(help="Which of two that are the same stays.")] = Keep.last,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put two datasets together; a recording that is in both is kept once.

    With --force the output may be one of the two: it is replaced whole, or left as it was.
    """
    from muze.data.merge import merge as merge_datasets
    from muze.data.names import printable
    from muze.report import open_report

    _check_free(output, force)
    with open_report(quiet) as report:
        merged = merge_datasets(a, b, output, report, keep.value)
    if as_json:
        print(json.dumps(merged.to_json(), indent=2))
        return
    for dropped in merged.dropped:
        print(f"muze: left out: {printable(str(dropped))}", file=sys.stderr)
    told = f"{merged.tracks} tracks, {len(merged.dropped)} left out"
    if merged.dropped:
        told += f"; of two that are the same the {'later' if keep is Keep.last else 'first'} stays"
    print(told, file=sys.stderr)
    print(output)


def artists(data: Data, as_json: AsJson = False) -> None:
    """Write the mean voices of a dataset's artists beside it; prints the file."""
    from muze.data.artists import artist_embeddings, write_artists
    from muze.data.names import printable

    found = artist_embeddings(data)
    path = write_artists(found, data)
    for note in found.notes:
        print(f"muze: {printable(note)}", file=sys.stderr)
    if as_json:
        told = {"path": str(path), "tracks": found.tracks, "notes": found.notes}
        print(json.dumps(told, indent=2))
    else:
        print(f"artists: {len(found.embeddings)}", file=sys.stderr)
        print(path)


def _check_free(path: Path, force: bool) -> None:
    from muze.core.errors import DatasetError

    if path.exists() and not force:
        raise DatasetError(f"{path}: is there already; --force overwrites it")
