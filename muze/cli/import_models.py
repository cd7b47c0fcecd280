"""``muze models import-hifigan``: networks that others published become parts of models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muze.core.precision import Precision


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
    precision: Annotated[
        Precision, typer.Option("--precision", help="In what weights are stored.")
    ] = Precision.fp32,
) -> None:
    """Make a published HiFi-GAN checkpoint the vocoder of a model folder; prints the folder.

    Nothing but weights is read of it. Its licence is its authors'.
    """
    from muze.pipelines.import_hifigan import import_hifigan as convert

    convert(checkpoint, config, output, precision)
    print(output)
