"""``muze models import-hifigan``: networks that others published become parts of models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_hifigan(
    checkpoint: Annotated[
        Path, typer.Argument(help="Published generator, as g_02500000 or generator_v1.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Model folder; what it holds of other parts stays.")
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The config.json it came with, where it lies elsewhere."),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store 16-bit floats.")] = False,
) -> None:
    """Make a published HiFi-GAN checkpoint the vocoder of a model folder; prints the folder.

    Nothing but weights is read of it. Its licence is its authors'.
    """
    from muze.pipelines.import_hifigan import import_hifigan as convert

    convert(checkpoint, config, output, half)
    print(output)
