"""``muze schema``: the JSON schema from which editors complete and check."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Print JSON schemas for editors.")


@app.callback()
def _group() -> None:
    pass


@app.command("song")
def song() -> None:
    """Print the schema of a song manifest, with the values of every installed stream."""
    import json

    from muze.core.registry import Registry
    from muze.manifest import song_schema

    print(json.dumps(song_schema(Registry()), indent=2, ensure_ascii=False))


@app.command("dataset")
def dataset() -> None:
    """Print the schema of a dataset.json: every field of a track's record."""
    import json

    from muze.data.schema import dataset_schema

    print(json.dumps(dataset_schema(), indent=2, ensure_ascii=False))
