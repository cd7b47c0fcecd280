"""Which options of ``muze evaluate`` go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer


def check_options(
    given: Sequence[str],
    suite: str | None,
    model: str | None,
    for_a_suite: Mapping[str, Any],  # Any: an option's value
    for_a_recording: Mapping[str, Any],
) -> None:
    """Refuse what does not go together.

    Raises:
        BadParameter: says what does not.
    """
    of_recording = [name for name, value in for_a_recording.items() if value is not None]
    of_suite = [name for name, value in for_a_suite.items() if value is not None]
    if suite is not None:
        if of_recording:
            raise typer.BadParameter(f"{of_recording[0]} is of recordings, not of a suite")
        if len(given) > 2:
            raise typer.BadParameter(f"give one model or two, not {len(given)}")
        if for_a_suite["--write-evaluation"] and for_a_suite["--seconds"] is not None:
            raise typer.BadParameter(
                "--write-evaluation goes without --seconds: songs cut short are other songs"
            )
        if given and model is not None:
            raise typer.BadParameter("give models as --model or as arguments, not both")
        return
    if of_suite:
        raise typer.BadParameter(f"{of_suite[0]} goes with --suite")
    if for_a_recording["--manifest"] is not None and for_a_recording["--plan"] is not None:
        raise typer.BadParameter("give one of --manifest and --plan")
    if for_a_recording["--plan"] is not None and for_a_recording["--seed"] is not None:
        raise typer.BadParameter("a plan is fixed; it cannot be changed by --seed")
    against = for_a_recording["--manifest"] or for_a_recording["--plan"]
    if len(given) not in (1, 2):
        raise typer.BadParameter("give one recording or two, two folders, or --suite")
    if against is None and (len(given) != 2 or not all(Path(name).is_dir() for name in given)):
        raise typer.BadParameter(
            "give one of --manifest and --plan, or two folders of evaluations, or --suite"
        )
    if against is None and (extra := [*(["--model"] if model else ()), *of_recording]):
        raise typer.BadParameter(f"folders of evaluations take no {extra[0]}")
    if for_a_recording["--vocal"] is not None and len(given) == 2:
        raise typer.BadParameter("--vocal is of one recording; of two, each has its own beside it")
