"""The ``muze`` command: arguments in, results out; each command imports its work when it runs."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import muze
from muze.cli import (
    dataset,
    evaluate,
    generate,
    models,
    plan,
    plugins,
    provenance,
    schema,
    train,
    voices,
)
from muze.core.errors import MuzeError

DONE, TOLD_ERROR, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes; 3 (``generate.NOT_MET``) is for a ``--fail-under`` not met."""


class Commands(TyperGroup):
    """The commands, their errors told in one line each and without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: Typer's own Context
        """Accept ``--debug`` behind the command as well."""
        if "--debug" in args:
            args = ["--debug", *(arg for arg in args if arg != "--debug")]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; tell what went wrong, and exit with its code."""
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except MuzeError as fault:
            _tell(str(fault))
        except KeyboardInterrupt as stop:
            _tell(str(stop) or "interrupted; nothing half-written is left")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # whoever read our output has gone
            raise
        except OSError as fault:
            where = f"{fault.filename}: " if fault.filename else ""
            _tell(f"{where}{fault.strerror or fault}")
        raise typer.Exit(TOLD_ERROR)


def _tell(message: str) -> None:
    for line in message.splitlines():
        print(f"muze: {line}", file=sys.stderr)


app = typer.Typer(
    cls=Commands,
    name="muze",
    help="A song is a file: muze makes it, and measures what it made.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # the specification's --cfg_scale is --cfg-scale
    context_settings={"token_normalize_func": lambda token: token.replace("_", "-")},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"muze {muze.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[  # noqa: ARG001  (its callback has answered)
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if debug:  # what is quiet about a library's own logs asks for this
        logging.getLogger("muze").setLevel(logging.DEBUG)


app.command("generate")(generate.generate)
app.command("plan")(plan.plan)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(dataset.app, name="dataset")
app.add_typer(train.app, name="train")
app.add_typer(plugins.app, name="plugins")
app.add_typer(models.app, name="models")
app.add_typer(voices.app, name="voices")
app.command("provenance")(provenance.provenance)
app.add_typer(schema.app, name="schema")


def main() -> None:
    """Run the command line."""
    app()
