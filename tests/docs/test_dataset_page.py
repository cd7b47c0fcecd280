"""docs/dataset.md is true: its table is that of the schema, its commands do what they say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import muze
from muze.cli import app
from muze.data.faults import record_faults
from muze.data.schema import dataset_schema
from muze.data.store import read_dataset, write_dataset

PATH = Path(muze.__file__).parent.parent / "docs/dataset.md"
PAGE = PATH.read_text(encoding="utf-8")
COMMANDS = {"check", "show", "stats", "export", "import", "merge", "artists"}
NAMES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
}
MANY = {"text": "texts", "number": "numbers", "whole number": "whole numbers"}


def form(part, definitions):
    """Say what a part of the schema holds, in words."""
    if "$ref" in part:
        found = definitions[part["$ref"].rpartition("/")[2]]
        needed = found.get("required", [])
        return f"{{{', '.join(k if k in needed else f'{k}?' for k in found['properties'])}}}"
    if options := part.get("anyOf") or part.get("oneOf"):
        said = (form(option, definitions) for option in options if option != {"type": "null"})
        return " or ".join(said)
    if part["type"] == "array":
        items, comma, limits = form(part["items"], definitions).partition(", ")
        items = (
            items + comma + limits
            if items.startswith("{")
            else MANY.get(items, items) + comma + limits
        )
        width = part.get("minItems")
        if width and width == part.get("maxItems"):
            return f"{width} {items}"
        return f"list of {items}{' each' if items[0].isdigit() else ''}"
    if part["type"] == "object":
        inner = form(part["additionalProperties"], definitions)
        return f"mapping of {inner.replace('list of', 'lists of')}"
    return NAMES[part["type"]] + limits_of(part)


def limits_of(part):
    low, high = part.get("minimum"), part.get("maximum")
    if high is not None:
        return f", {low:g} to {high:g}"
    if "exclusiveMinimum" in part:
        return f", above {part['exclusiveMinimum']:g}"
    return "" if low is None else f", {low:g} or more"


def rows():
    schema = dataset_schema()
    for name, field in schema["$defs"]["WholeRecord"]["properties"].items():
        yield f"| `{name}` | {form(field, schema['$defs'])} | {field['description']} |"


def test_the_table_of_fields_is_that_of_the_schema():
    table = PAGE.partition("<!-- fields -->\n")[2].partition("<!-- /fields -->")[0]
    wanted = "\n".join(["| field | holds | which is |", "| --- | --- | --- |", *rows()])
    assert table.strip() == wanted, f"docs/dataset.md should hold\n{wanted}"


def test_the_record_is_one():
    (record,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert record_faults(json.loads(record)) == []


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """A folder of what the page's commands read."""
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("night", "day")):
        noise = np.random.default_rng(index).uniform(-0.5, 0.5, 8000)
        soundfile.write(f"{name}.wav", noise, 8000)
    vector = np.eye(256)[0].tolist()
    night = {"audio_path": "night.wav", "duration": 1.0, "title": "Night", "artist": "Ada",
             "tempo": 90.0, "key": "A minor", "voice_embedding": vector,
             "provenance": {"tempo": {"backend": "x"}}}  # fmt: skip
    write_dataset(Path("songs.parquet"), [night])
    write_dataset(Path("more.json"), [{"audio_path": "day.wav", "duration": 1.0}])


def test_the_commands_do_what_they_say(songs):
    lines = re.findall(r"^muze (dataset (\w+) .*)$", PAGE, re.MULTILINE)
    lines = [(line, command) for line, command in lines if command in COMMANDS]
    assert {command for _, command in lines} == COMMANDS
    for line, _ in lines:
        done = CliRunner().invoke(app, line.partition("#")[0].split())
        assert done.exit_code == 0, f"{line}\n{done.stderr}"
    for name in ("night.png", "songs.html", "songs.json", "songs.artist_embeddings.json"):
        assert Path(name).stat().st_size
    assert len(read_dataset(Path("all.parquet")).tracks) == 2
    (chosen,) = read_dataset(Path("tempi.parquet")).tracks
    assert chosen.keys() == {"audio_path", "duration", "tempo", "key", "provenance"}


def test_the_python_runs(songs):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    found = {}
    exec(code, found)
    assert found["slow"].to_pylist() == [
        {"audio_path": "night.wav", "tempo": 90.0, "key": "A minor"}
    ]
