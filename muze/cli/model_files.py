"""``muze models check`` and ``export``: a model's folder is looked at, and written to be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muze.core.precision import Precision

Name = Annotated[str, typer.Argument(help="An installed model, a folder, or a run's folder.")]


def check(name: Name) -> None:
    """Check that a model is whole, fits what is installed, and computes; exit 1 if it does not."""
    from muze.core.registry import Registry
    from muze.pipelines.check_model import check_model
    from muze.pipelines.model_info import model_folder

    registry = Registry()
    faults = 0
    for checked in check_model(name, model_folder(name, registry, Path.cwd()), registry):
        print(f"{'ok   ' if checked.fault is None else 'FAILS'}  {checked.what}")
        if checked.fault is not None:
            faults += 1
            print(f"       {checked.fault}")
    if faults:
        raise typer.Exit(1)


def export(
    name: Name,
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    merged: Annotated[
        bool, typer.Option("--merged", help="Put what LoRA learnt into a whole model.")
    ] = False,
    precision: Annotated[
        Precision, typer.Option("--precision", help="In what weights are stored.")
    ] = Precision.fp32,
    licence: Annotated[
        str | None,
        typer.Option("--license", "--licence", help="As MIT; that of the model unless said."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="What it was trained on, in words, for the card.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a model.")] = False,
    push: Annotated[
        str | None,
        typer.Option("--push", help="Put it on the hub as USER/NAME; HF_TOKEN has the token."),
    ] = None,
) -> None:
    """Write a model to be shared, with its card and licence; prints the folder."""
    from muze.pipelines.export import export as write
    from muze.pipelines.hub import hub_token
    from muze.pipelines.hub import push as put

    token = None if push is None else hub_token()  # before anything is written
    write(name, out, merged, precision, licence, data, force)
    print(out)
    if push is not None and token is not None:
        print(put(out, push, token))
