"""``muze plugins``: what is installed, what it takes, and whether it works."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Plugin

app = typer.Typer(no_args_is_help=True, help="List, describe and check plugins.")


class Kind(StrEnum):
    """What a plugin may offer."""

    stream = "stream"
    sampler = "sampler"
    vocoder = "vocoder"
    voice = "voice"
    separator = "separator"


Name = Annotated[str, typer.Argument(help="A plugin, as `muze plugins list` names it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_plugins(json: AsJson = False) -> None:
    """List every plugin installed, the broken ones with what is wrong."""
    from muze.core.registry import Registry

    registry = Registry()
    rows = [registry.plugin(name) for name in registry.names()]
    if json:
        import json as json_format

        print(json_format.dumps([_row(plugin) for plugin in rows], indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    from muze.cli.tables import console

    table = Table("plugin", "offers", "state", "distribution", box=None, pad_edge=False)
    for plugin in rows:
        offers = [f"{kind} {name}" for kind, found in plugin.components.items() for name in found]
        told = f"{plugin.state}: {plugin.detail}" if plugin.detail else plugin.state
        table.add_row(
            Text(plugin.name), Text(", ".join(offers)), Text(told), Text(plugin.distribution)
        )
    console(to_stderr=False).print(table)


@app.command("info")
def show_plugin(name: Name) -> None:
    """Show what a plugin offers, what a song may say of it, and its settings."""
    from muze.core.protocols import licence
    from muze.core.registry import Registry

    plugin = Registry().plugin(name)
    print(f"{plugin.name}, from {plugin.distribution}: {plugin.state}")
    if plugin.detail:
        print(f"  {plugin.detail}")
    for kind, offered in plugin.components.items():
        for component in offered.values():
            print(f"\n{kind} {component.name}: {_first_line(component)}")
            if terms := licence(component):
                print(f"  licences: {terms}")
            if kind == "stream":
                print(f"  features version {component.feature_version}, by {component.extractor}")
                print(f"  in a manifest, under streams.{component.name}:")
                _print_fields(component.Values, component.primary)
            print("  settings:")
            _print_fields(component.Config)


@app.command("check")
def check_plugin(
    name: Name,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="A model's folder, for its vocoder's weights.")
    ] = None,
) -> None:
    """Run the conformance checks of everything a plugin offers; exit 1 where one fails."""
    from muze.core.registry import Registry
    from muze.testing.checks import run_checks

    failed = 0
    for component, check, failure in run_checks(Registry(), name, weights):
        print(f"{'pass' if failure is None else 'FAIL'}  {component}  {check}")
        if failure is not None:
            failed += 1
            print("      " + failure.replace("\n", "\n      "))
    if failed:
        raise typer.Exit(1)


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="What a song will say, as `brightness`.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What the plugin offers.")] = Kind.stream,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Folder to write; muze-NAME if not said.")
    ] = None,
) -> None:
    """Write a plugin that works, to make yours; prints its folder."""
    from shlex import quote

    from muze.pipelines.new_plugin import write_plugin

    written = write_plugin(name, kind.value, folder)
    print(f"next: pip install -e {quote(str(written))}, muze plugins check {name}", file=sys.stderr)
    print(written)


def _row(plugin: Plugin) -> dict[str, Any]:  # Any: JSON
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "state": plugin.state,
        "detail": plugin.detail,
        "components": {kind: sorted(found) for kind, found in plugin.components.items()},
    }


def _first_line(component: type) -> str:
    return (component.__doc__ or "").strip().split("\n")[0]


def _print_fields(model: Any, primary: str = "") -> None:  # Any: a pydantic class
    for key, field in model.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        mark = " (may stand alone)" if key == primary else ""
        print(f"    {key}: {default}; {field.description or ''}{mark}")
    if not model.model_fields:
        print("    nothing")
