"""Names in a song become classes, and what it says of them is checked by those classes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from muze.audio.io import read_audio
from muze.core.errors import AudioError, PluginError
from muze.core.grid import TimeGrid
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults
from muze.manifest.faults import Keys
from muze.manifest.song import SamplerChoice, VocoderChoice

Origin = Literal["asked", "decided"]
"""Whether the user said it or the planner chose it."""


class Recording(Settings):
    """A recording a stream is extracted from."""

    path: str = Field(description="Absolute path.")
    sha256: str = Field(description="Hash of the file, so that a changed one is noticed.")


class StreamPlan(Settings):
    """What one stream is told: values or a recording."""

    origin: Origin
    values: dict[str, Any] | None = None  # Any: JSON of the stream's own Values
    recording: Recording | None = None


class ComponentPlan(Settings):
    """A component by name, and its settings."""

    name: str
    config: dict[str, Any] = Field(default_factory=dict)  # Any: JSON of its own Config


def resolve_stream(
    name: str, value: Any, keys: Keys, folder: Path, registry: Registry, faults: Faults
) -> StreamPlan | None:
    """Return what the manifest says of a stream, checked; None with faults noted."""
    try:
        stream = registry.get("stream", name)
    except PluginError as fault:
        faults.add(keys, str(fault))
        return None
    if isinstance(value, dict) and "from" in value:
        if faults.under(keys):
            return None
        path = (folder / value["from"]).resolve()
        try:
            read_audio(path)
        except AudioError as fault:
            faults.add((*keys, "from"), str(fault))
            return None
        return StreamPlan(
            origin="asked", recording=Recording(path=str(path), sha256=file_hash(path))
        )
    if value is None:
        faults.add(keys, "is empty; give its values, or take it out")
        return None
    bare = "" if isinstance(value, dict) else stream.primary
    data = {bare: value} if bare else value
    try:
        with registry.blame(name, "read what the manifest says"):
            values = _validated(stream.Values, data)
    except PluginError as fault:
        faults.add(keys, str(fault))
        return None
    if isinstance(values, ValidationError):
        faults.add_invalid(values, stream.Values, data, keys, bare)
        return None
    return StreamPlan(origin="asked", values=values.model_dump(mode="json", exclude_unset=True))


def heard_fields(
    name: str, recording: Recording, registry: Registry
) -> dict[str, Any]:  # Any: a dataset record's fields
    """Return the dataset fields that a stream hears in a recording, as ``tempo`` or ``key``."""
    audio = read_audio(Path(recording.path))
    grid = TimeGrid.of_song(audio.duration)
    with registry.blame(name, "listen to a recording"):
        cls = registry.get("stream", name)
        stream = cls(cls.Config())
        return dict(stream.fields(stream.extract(audio, grid), grid))


def resolve_sampler(
    choice: SamplerChoice, default: str, registry: Registry, faults: Faults
) -> ComponentPlan | None:
    """Return the sampler with all its settings; None with faults noted."""
    given = dict(choice.model_extra or {})
    if choice.eta is not None:
        given["eta"] = choice.eta
    keys: Keys = ("sampler", "name") if choice.name else ("sampler",)
    config = _component(
        "sampler", choice.name or default, given, keys, ("sampler",), registry, faults
    )
    if config is None:
        return None
    return ComponentPlan(name=choice.name or default, config=config.model_dump(mode="json"))


def resolve_vocoder(
    choice: VocoderChoice, registry: Registry, faults: Faults
) -> ComponentPlan | None:
    """Return the vocoder with the settings the song gives; None with faults noted."""
    given = dict(choice.model_extra or {})
    config = _component(
        "vocoder", choice.name, given, ("vocoder", "name"), ("vocoder",), registry, faults
    )
    if config is None:
        return None
    # only what was said: the rest belongs to the model's weights
    return ComponentPlan(
        name=choice.name, config=config.model_dump(mode="json", exclude_unset=True)
    )


def _component(
    kind: str,
    name: str,
    given: dict[str, Any],
    name_keys: Keys,
    keys: Keys,
    registry: Registry,
    faults: Faults,
) -> Settings | None:
    try:
        model = registry.get(kind, name).Config
    except PluginError as fault:
        faults.add(name_keys, str(fault))
        return None
    config = _validated(model, given)
    if isinstance(config, ValidationError):
        faults.add_invalid(config, model, given, keys)
        return None
    return config


def _validated(model: type[Settings], data: Any) -> Settings | ValidationError:
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        return fault


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
