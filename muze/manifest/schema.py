"""The JSON schema of a song, from which editors complete and check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muze.core.protocols import hears
from muze.manifest.song import Song

if TYPE_CHECKING:
    from muze.core.registry import Registry

RECORDING = {
    "type": "object",
    "properties": {"from": {"type": "string", "description": "A recording to extract it from."}},
    "required": ["from"],
    "additionalProperties": False,
}


def song_schema(registry: Registry | None = None) -> dict[str, Any]:
    """Return the schema; with a registry, what each installed stream may say is in it."""
    schema = Song.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    if registry is not None:
        streams: dict[str, Any] = {}
        for name in registry.names():
            for stream in registry.plugin(name).components.get("stream", {}).values():
                streams[stream.name] = _stream_schema(stream, schema["$defs"])
        schema["$defs"]["streams"] = {
            "type": "object",
            "properties": streams,
            "additionalProperties": False,
        }
        for part in (schema, schema["$defs"]["Section"]):
            part["properties"]["streams"] |= {"$ref": "#/$defs/streams"}
            part["properties"]["streams"].pop("additionalProperties", None)
    return schema


def _stream_schema(stream: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # Any: a class
    values = stream.Values.model_json_schema(ref_template=f"#/$defs/{stream.name}.{{model}}")
    for name, inner in values.pop("$defs", {}).items():
        definitions[f"{stream.name}.{name}"] = inner
    primary = values.get("properties", {}).get(stream.primary, {})
    forms = [values, {k: v for k, v in primary.items() if k != "title"}]
    return {
        "description": (stream.__doc__ or "").strip().split("\n")[0],
        "anyOf": [*forms, RECORDING] if hears(stream) else forms,
    }
