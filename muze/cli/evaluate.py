"""``muze evaluate``: how well a recording does what a manifest asks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    audio: Annotated[Path, typer.Argument(help="The recording to listen to.")],
    manifest: Annotated[Path, typer.Option("--manifest", help="The song it should be.")],
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Measure AUDIO against a manifest, stream by stream."""
    from muze.core.registry import Registry
    from muze.pipelines.measure import measure_file
    from muze.pipelines.model_info import find_model
    from muze.pipelines.plan import plan_file
    from muze.report import open_report

    registry = Registry()
    plan = plan_file(manifest, registry, {}, find_model)
    with open_report(quiet) as report:
        adherence = measure_file(audio, plan, registry, report)
    if json:
        import json as json_format

        print(json_format.dumps(adherence, indent=2))
    else:
        from muze.cli.tables import show_adherence

        show_adherence(adherence, to_stderr=False)
