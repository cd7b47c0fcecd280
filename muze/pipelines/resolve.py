"""Names in a song become classes, and what it says of them is checked by those classes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from muze.audio.io import SOUNDFILE_SUFFIXES, read_audio
from muze.core.errors import MuzeError, PluginError, first_fault
from muze.core.files import sha256
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import check_values, complete_values, hears, reads
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults
from muze.manifest.faults import Keys
from muze.manifest.song import SamplerChoice, VocoderChoice
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.vocoder_mel import hearing

Origin = Literal["asked", "decided"]
"""Whether the user said it or the planner chose it."""


class Recording(Settings):
    """A recording a stream is extracted from."""

    path: str = Field(description="Absolute path.")
    sha256: str = Field(description="Hash of the file, so that a changed one is noticed.")
    separator: str | None = Field(None, description="What takes the voice out of it first.")


class StreamPlan(Settings):
    """What one stream is told: values or a recording."""

    origin: Origin
    values: dict[str, Any] | None = None  # Any: JSON of the stream's own Values
    recording: Recording | None = None

    @model_validator(mode="after")
    def _check_one(self) -> StreamPlan:
        if (self.values is None) == (self.recording is None):
            raise ValueError("must have values or a recording, one of them")
        return self


class ComponentPlan(Settings):
    """A component by name, and its settings."""

    name: str
    config: dict[str, Any] = Field(default_factory=dict)  # Any: JSON of its own Config


def resolve_stream(
    name: str,
    value: Any,
    settings: dict[str, Any],
    keys: Keys,
    folder: Path,
    registry: Registry,
    faults: Faults,
) -> StreamPlan | None:
    """Return what the manifest says of a stream, checked; None with faults noted.

    ``settings`` are those the model was trained with.
    """
    try:
        stream = registry.get("stream", name)
    except PluginError as fault:
        faults.add(keys, str(fault))
        return None
    if isinstance(value, dict) and "from" in value:
        at: Keys = keys if keys[0] == "voice" else (*keys, "from")  # style_of: singer.wav
        path = (folder / value["from"]).resolve()
        if not hears(stream) and not reads(stream, path):
            told = "; it reads " + ", ".join(stream.reads) if hasattr(stream, "reads") else ""
            faults.add(at, f"{name} cannot be heard in a recording{told}; say it in values")
            return None
        if not reads(stream, path):  # else it is read once the song's bars are known
            try:
                read_audio(path)
            except MuzeError as fault:
                faults.add(at, str(fault))
                return None
        return StreamPlan(origin="asked", recording=Recording(path=str(path), sha256=sha256(path)))
    if value is None:
        faults.add(keys, "is empty; give its values, or take it out")
        return None
    bare = "" if isinstance(value, dict) else stream.primary
    data = {bare: value} if bare else value
    named = data.get(stream.primary)
    if isinstance(named, str) and _is_heard(stream, Path(named)):
        where = keys if bare else (*keys, stream.primary)
        faults.add(where, f"{named} is called like a file; say {name}: {{from: {named}}}")
        return None
    try:
        with registry.blame(name, "read what the manifest says"):
            values = _validated(stream.Values, data)
            if isinstance(values, ValidationError):
                beside = ("from",) if hears(stream) else ()
                faults.add_invalid(values, stream.Values, data, keys, bare, beside)
                return None
            config = _validated(stream.Config, settings)
            if isinstance(config, Settings):  # else it is told where the model is loaded
                values = complete_values(stream(config), values, folder)
                check_values(stream(config), values)
    except MuzeError as fault:
        faults.add(keys, str(fault))
        return None
    return StreamPlan(origin="asked", values=values.model_dump(mode="json", exclude_unset=True))


def _is_heard(stream: Any, path: Path) -> bool:  # Any: a stream's class
    """Whether what stands for a value is the name of a file that the stream hears or reads."""
    sound = path.suffix.lower() in SOUNDFILE_SUFFIXES
    return reads(stream, path) or (sound and hears(stream))


def is_recording(told: str, folder: Path) -> bool:
    """Whether what may be a name or a recording is a recording: a file, or called like one."""
    return os.path.isfile(folder / told) or Path(told).suffix.lower() in SOUNDFILE_SUFFIXES


def heard_fields(
    name: str, recording: Recording, registry: Registry, longest: float = math.inf
) -> dict[str, Any]:  # Any: a dataset record's fields
    """Return the dataset fields that a stream hears in a recording, as ``tempo`` or ``key``.

    No more of it is heard than ``longest`` seconds.
    """
    audio = read_audio(Path(recording.path))
    if audio.duration > longest:
        samples = audio.samples[:, : max(1, round(longest * audio.sample_rate))]
        audio = Audio(samples, audio.sample_rate)
    grid = TimeGrid.of_song(audio.duration)
    with registry.blame(name, "listen to a recording"):
        cls = registry.get("stream", name)
        stream = cls(cls.Config())
        return dict(stream.fields(stream.extract(audio, grid), grid))


def said_fields(
    name: str, values: dict[str, Any], duration: float, registry: Registry
) -> dict[str, Any]:  # Any: JSON of the stream's own Values; a dataset record's fields
    """Return the dataset fields of a song of which a stream's values are said."""
    grid = TimeGrid.of_song(duration)
    with registry.blame(name, "draw what the manifest says"):
        cls = registry.get("stream", name)
        stream = cls(cls.Config())
        return dict(stream.fields(stream.parse(cls.Values.model_validate(values), grid), grid))


def resolve_sampler(
    choice: SamplerChoice, default: str, registry: Registry, faults: Faults
) -> ComponentPlan | None:
    """Return the sampler with all its settings; None with faults noted."""
    given = dict(choice.model_extra or {})
    if choice.eta is not None:
        given["eta"] = choice.eta
    keys: Keys = ("sampler", "name") if choice.name else ("sampler",)
    config = _component(
        "sampler", choice.name or default, given, keys, ("name", "steps"), registry, faults
    )
    if config is None:
        return None
    return ComponentPlan(name=choice.name or default, config=config.model_dump(mode="json"))


def resolve_vocoder(
    choice: VocoderChoice | None, model: ModelInfo, registry: Registry, faults: Faults
) -> ComponentPlan | None:
    """Return the vocoder with the settings the song gives, the model's own where it names none.

    None where neither names one, and with faults noted.
    """
    name = model.vocoder if choice is None else choice.name
    if name is None:
        return None
    keys: Keys = ("model",) if choice is None else ("vocoder", "name")
    given = {} if choice is None else dict(choice.model_extra or {})
    config = _component("vocoder", name, given, keys, ("name",), registry, faults)
    if config is None:
        return None
    # only what was said: the rest belongs to the model's weights
    said = config.model_dump(mode="json", exclude_unset=True)
    if model.vocoders is not None:
        _check_weights(name, said, keys, model.name, model.vocoders, registry, faults)
        own = model.vocoders.get(name, {})
        try:
            hearing(registry.get("vocoder", name), {**own, **said}, model.mel)
        except MuzeError as fault:
            faults.add(keys, f"model {model.name}: {fault}")
    return ComponentPlan(name=name, config=said)


def _check_weights(
    name: str,
    said: dict[str, Any],
    keys: Keys,
    model: str,
    vocoders: dict[str, dict[str, Any]],
    registry: Registry,
    faults: Faults,
) -> None:
    """Note what keeps a vocoder from taking the weights that a model has, or has not, for it."""
    cls = registry.get("vocoder", name)
    own = vocoders.get(name)
    if own is None:
        try:
            with registry.blame(name, "do without weights"):
                cls(cls.Config.model_validate(said)).load(None)
        except MuzeError as fault:
            faults.add(keys, str(fault))
        return
    for key, value in said.items():
        if key in own and own[key] != value:
            faults.add(
                ("vocoder", key), f"is {own[key]!r} in the weights of model {model}; leave it out"
            )
    trained = _validated(cls.Config, own)
    if isinstance(trained, ValidationError):
        told = f"the settings of its vocoder {name} are wrong: {first_fault(trained)}"
        faults.add(keys, f"model {model}: {told}")


def _component(
    kind: str,
    name: str,
    given: dict[str, Any],
    name_keys: Keys,
    beside: tuple[str, ...],
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
        faults.add_invalid(config, model, given, (kind,), beside=beside)
        return None
    return config


def _validated(model: type[Settings], data: Any) -> Settings | ValidationError:
    try:
        # by JSON's rules: true and '0.5' are no numbers, 1 is one, and a list serves for a tuple
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as fault:
        return fault
