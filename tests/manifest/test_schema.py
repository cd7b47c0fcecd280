import json
import re
from pathlib import Path

from muze.core.registry import Registry
from muze.manifest import Song, song_schema
from muze.manifest.song import (
    Clone,
    Output,
    PlannerChoice,
    SamplerChoice,
    Section,
    Structure,
    TempoChange,
    Voice,
)

DESIGN_KEYS = {
    "muze", "title", "prompt", "negative_prompt", "duration", "bars", "seed", "model", "planner",
    "tempo", "time_signature", "key", "structure", "streams", "guidance", "sampler", "vocoder",
    "voice", "output",
}  # fmt: skip


def test_a_song_has_the_keys_of_the_format_and_no_others():
    assert set(Song.model_fields) == DESIGN_KEYS


def test_the_schema_tells_editors_every_key_and_every_stream():
    schema = song_schema(Registry())
    assert set(schema["properties"]) == DESIGN_KEYS
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["muze"]
    assert schema["anyOf"][0] == {"required": ["prompt"]}
    for part in (schema, schema["$defs"]["Section"]):
        for name, key in part["properties"].items():
            assert key.get("description") or "$ref" in key, f"{name} is not described"
    streams = schema["$defs"]["streams"]["properties"]
    values, alone, recording = streams["chord"]["anyOf"]
    assert "progression" in values["properties"]
    assert alone["type"] == "array"
    assert recording["required"] == ["from"]
    assert len(streams["genre"]["anyOf"]) == 2  # no recording tells a genre
    assert schema["examples"]
    json.dumps(schema)
    # every reference leads somewhere
    for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)):
        assert name in schema["$defs"], name


def test_the_schema_s_own_examples_are_songs():
    for example in song_schema()["examples"]:
        assert Song.model_validate(example)


def test_every_key_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()
    for model in (
        Song, Section, Structure, SamplerChoice, PlannerChoice, Output, Voice, Clone, TempoChange,
    ):  # fmt: skip
        for key in model.model_fields:
            assert f"`{key}`" in page, f"docs/manifest.md does not tell of {model.__name__}.{key}"
