"""``muze dataset``: a folder of music becomes a training set, and what one does with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muze.cli import dataset_files

if TYPE_CHECKING:
    from muze.pipelines.built import Built
    from muze.pipelines.listening import BuildSettings

app = typer.Typer(no_args_is_help=True, help="Build datasets from music, and look after them.")

Folder = Annotated[Path, typer.Argument(help="Folder of music.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Dataset, .parquet or .json.")]
Streams = Annotated[
    str | None, typer.Option(help="Streams to hear, as beat,key,chord; all if not said.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A stream's setting, as f0.extractor=pyin; may be said again."),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Tracks given to a process at once.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a core if not said.")]
MaxTracks = Annotated[int | None, typer.Option(min=1, help="No more tracks than these.")]
WhisperModel = Annotated[str | None, typer.Option(help="Whisper: a name or a folder.")]
WhisperFull = Annotated[bool, typer.Option(help="Hear words in all of a track, not in 60 s.")]
SeparateVocals = Annotated[
    bool, typer.Option(help="Take the voice out of the mix before listening to it.")
]
SeparatorName = Annotated[
    str, typer.Option("--separator", help="Who takes it out: demucs, foreground, or auto.")
]
Captions = Annotated[str, typer.Option(help="template, openai, or ollama.")]
CaptionModel = Annotated[str | None, typer.Option(help="The model that writes captions.")]
Metadata = Annotated[
    Path | None, typer.Option(help="What is known of the tracks: CSV, FMA's tracks.csv, JSONL.")
]
Engine = Annotated[str, typer.Option(help="local, or ray.")]
Force = Annotated[bool, typer.Option(help="Overwrite a dataset that was changed by hand.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]

INTERRUPTED = "interrupted; what was heard is kept, and the same command goes on from there"


def _build(add: bool, folder: Path, output: Path, **options: Any) -> None:  # Any: values
    from muze.pipelines.build_dataset import build_dataset
    from muze.report import open_report

    run = {name: options.pop(name) for name in ("metadata", "max_tracks", "force")}
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    settings = _settings(options)
    try:
        with open_report(quiet) as report:
            built = build_dataset(folder, output, settings, report, add=add, **run)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(INTERRUPTED) from None
    _tell(built, output, as_json)
    if built.broken:
        raise typer.Exit(1)


def _settings(options: dict[str, Any]) -> BuildSettings:
    """Return the settings that the command line says."""
    from pydantic import ValidationError

    from muze.core.errors import MuzeError, first_fault
    from muze.pipelines.listening import BuildSettings, available_cores, read_setting

    configs: dict[str, dict[str, Any]] = {}
    for text in options.pop("set") or ():
        stream, key, value = read_setting(text)
        configs.setdefault(stream, {})[key] = value
    streams = options.pop("streams")
    options |= {
        "configs": configs,
        "streams": None if streams is None else _names(streams),
        "workers": options["workers"] or available_cores(),
    }
    if not options.pop("separate_vocals"):
        if options["separator"] != "auto":
            raise MuzeError("--separator says who takes voices out; say --separate-vocals as well")
        options["separator"] = None
    if options["device"] not in ("auto", "cpu"):
        from muze.pipelines.load import choose_device

        choose_device(options["device"])  # told now, and not by every process
    if options["separator"] == "auto":
        from muze.core.registry import Registry
        from muze.pipelines.separate import choose_separator

        options["separator"] = choose_separator(Registry())[0].name  # told once, not by each worker
    try:
        return BuildSettings.model_validate(options)
    except ValidationError as fault:
        raise MuzeError(f"--{first_fault(fault)}".replace("_", "-")) from None


def _names(streams: str) -> list[str]:
    """Return the streams that are named, with commas between."""
    from muze.core.errors import MuzeError

    names = [name.strip() for name in streams.split(",") if name.strip()]
    if not names:
        raise MuzeError(
            "--streams names none; say some, as beat,key,chord, or leave it out to hear all"
        )
    return names


def _tell(built: Built, output: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps(built.to_json(), ensure_ascii=False))
    else:
        from muze.cli.dataset_tables import show_built

        show_built(built)
        if built.tracks:  # else nothing was written there
            print(output)
    for refused in built.broken:
        print(f"muze: {refused.path}: {refused.reason}", file=sys.stderr)


def _command(name: str, add: bool, told: str) -> None:
    """Add ``muze dataset build`` or ``add``: the same options, but what the output had stays."""

    def run(
        folder: Folder,
        output: Output,
        streams: Streams = None,
        set: Set = None,
        device: Device = "auto",
        batch_size: BatchSize = 1,
        workers: Workers = None,
        max_tracks: MaxTracks = None,
        whisper_model: WhisperModel = None,
        whisper_full: WhisperFull = False,
        separate_vocals: SeparateVocals = False,
        separator: SeparatorName = "auto",
        captions: Captions = "template",
        caption_model: CaptionModel = None,
        metadata: Metadata = None,
        engine: Engine = "local",
        force: Force = False,
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        _build(add, folder, output, streams=streams, set=set, device=device,
               batch_size=batch_size, workers=workers, max_tracks=max_tracks,
               whisper_model=whisper_model, whisper_full=whisper_full,
               separator=separator, separate_vocals=separate_vocals,
               captions=captions, caption_model=caption_model, metadata=metadata,
               engine=engine, force=force, as_json=as_json, quiet=quiet)  # fmt: skip

    app.command(name, help=told)(run)


@app.command("scan")
def scan(
    folder: Folder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The dataset that would be built.")
    ] = None,
    workers: Workers = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell what a folder holds, what a build would do, and how long it would take.

    Exits with 1 if there are no sound files.
    """
    from muze.pipelines.forecast import forecast
    from muze.pipelines.listening import available_cores
    from muze.report import open_report

    with open_report(quiet) as report:
        told = forecast(folder, output, workers or available_cores(), report)
    if as_json:
        print(json.dumps(told.to_json(), ensure_ascii=False))
    else:
        from muze.cli.dataset_tables import show_forecast

        show_forecast(told)
    if not told.formats:
        raise typer.Exit(1)


@app.command("encode")
def encode(
    dataset: Annotated[Path, typer.Argument(help="Dataset, .parquet or .json.")],
    vae: Annotated[str, typer.Option(help="A model whose autoencoder encodes.")] = "starter",
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Keep the latents of every track beside the dataset, for trainings to come."""
    from muze.pipelines.latents import encode_with
    from muze.report import open_report

    with open_report(quiet) as report:
        print(encode_with(dataset, vae, device, report))


EXIT = "Exits with 1 if any file is broken; the others are built all the same."
_command("build", False, f"Hear a folder of music, and write its tracks' records. {EXIT}")
_command(
    "add", True, f"Hear a folder of music, and put its tracks beside those a dataset has. {EXIT}"
)
dataset_files.register(app)
