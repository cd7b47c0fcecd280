"""``muze voices``: who can sing a song's words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry

app = typer.Typer(no_args_is_help=True, help="List the voices that sing.")

MANY = 4
"""Languages that a table names; of more it tells how many."""


@app.command("list")
def list_voices(
    backend: Annotated[
        str | None, typer.Option("--backend", help="A voice backend, as `muze plugins list` says.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the voices of every backend installed, or of one, and the languages they speak."""
    from muze.core.errors import MuzeError
    from muze.core.registry import Registry

    registry = Registry()
    if backend is not None:
        found = [_rows(registry, backend)]
    else:
        found = []
        for name in registry.names("voice"):
            try:
                found.append(_rows(registry, name))
            except MuzeError as fault:  # one that cannot be asked hides no other
                print(f"{name}: {fault}", file=sys.stderr)
    rows = [row for some in found for row in some]
    if json:
        import json as json_format

        print(json_format.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.table import Table
    from rich.text import Text

    from muze.cli.tables import console

    table = Table("backend", "voice", "languages", box=None, pad_edge=False)
    for row in rows:
        spoken = row["languages"]
        few = ", ".join(spoken[:MANY]) + (f" and {len(spoken) - MANY} more" * (len(spoken) > MANY))
        table.add_row(Text(row["backend"]), Text(row["voice"]), Text(few))
    console(to_stderr=False).print(table)


def _rows(registry: Registry, name: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return the voices of a backend, with its default settings."""
    cls = registry.get("voice", name)
    with registry.blame(name, "list its voices"):
        backend = cls(cls.Config())
        return [
            {"backend": name, "voice": voice, "languages": list(backend.languages(voice))}
            for voice in backend.voices()
        ]
