"""``muze models``: the models installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muze.cli import model_files
from muze.cli.import_models import import_hifigan
from muze.core.precision import Precision

app = typer.Typer(no_args_is_help=True, help="List, describe, check and export models.")


@app.command("list")
def list_models() -> None:
    """List the models installed, by the names a manifest uses."""
    from muze.core.registry import Registry

    models = Registry().models()
    if not models:
        import sys

        print("no model is installed; a manifest may also name a folder", file=sys.stderr)
    for name, point in models.items():
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        print(f"{name}  {origin}")


@app.command("assemble")
def assemble_model(
    out: Annotated[Path, typer.Argument(help="Folder of the model; made where it is not there.")],
    autoencoder: Annotated[Path | None, typer.Option(help="A run's folder autoencoder.")] = None,
    denoiser: Annotated[Path | None, typer.Option(help="A run's folder denoiser.")] = None,
    vocoder: Annotated[Path | None, typer.Option(help="A run's folder vocoder.")] = None,
    planner: Annotated[Path | None, typer.Option(help="A run's folder planner.")] = None,
    precision: Annotated[
        Precision, typer.Option("--precision", help="In what weights are stored.")
    ] = Precision.fp32,
) -> None:
    """Put trained parts together into one model folder; prints the folder."""
    from muze.pipelines.assemble import assemble

    given = {
        "autoencoder": autoencoder, "denoiser": denoiser, "vocoder": vocoder, "planner": planner,
    }  # fmt: skip
    parts = {name: folder for name, folder in given.items() if folder is not None}
    if not parts:
        raise typer.BadParameter(f"give at least one of --{', --'.join(given)}")
    assemble(out, parts, precision)
    print(out)


app.command("import-hifigan")(import_hifigan)
app.command("check")(model_files.check)
app.command("export")(model_files.export)


@app.command("info")
def show_model(
    name: Annotated[str, typer.Argument(help="An installed model, or a folder.")],
) -> None:
    """Show where a model lies, what it is, and its card; without one, how well it follows."""
    import json

    from muze.core.registry import Registry
    from muze.model.header import read_header
    from muze.pipelines.model_card import evaluation_part
    from muze.pipelines.model_info import model_folder

    folder = model_folder(name, Registry(), Path.cwd())
    header = read_header(folder)
    print(folder)
    print(json.dumps(header, indent=2))
    cards = sorted(folder.glob("*.md"))
    for card in cards:
        print(card.read_text(encoding="utf-8"))
    if not cards:
        print(evaluation_part(header))


@app.command("sizes")
def sizes(
    json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
) -> None:
    """Print the specification's tables of sizes beside what is counted, in millions of weights."""
    from dataclasses import asdict

    from muze.pipelines.sizes import autoencoder_sizes, model_sizes

    tables = {"autoencoders": autoencoder_sizes(), "models": model_sizes()}
    if json:
        import json as json_format

        rows = {name: [asdict(size) for size in table] for name, table in tables.items()}
        print(json_format.dumps(rows, indent=2))
        return
    from muze.cli.tables import show_sizes

    for name, table in tables.items():
        show_sizes(name, table)
