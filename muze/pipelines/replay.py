"""Looks at a plan that was read from a file, before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import muze
from muze.core.errors import ManifestError, PluginError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults
from muze.manifest.faults import Keys, Source
from muze.model.header import whole_header
from muze.pipelines.model_info import model_folder
from muze.pipelines.output import check_output, resolved, written_over
from muze.pipelines.plan import Plan
from muze.pipelines.resolve import StreamPlan


def check_told(plan: Plan, name: str, registry: Registry) -> None:
    """Check that every component the plan names is installed and takes what it is told.

    Raises:
        ManifestError: one line per fault, ``song.plan.json: key: what is wrong``.
    """
    faults = Faults(Source(name, Path.cwd()))
    told: list[tuple[Keys, dict[str, StreamPlan]]] = [(("streams",), plan.streams)]
    told += [(("sections", k, "streams"), part.streams) for k, part in enumerate(plan.sections)]
    for keys, streams in told:
        for stream, said in streams.items():
            at: Keys = (*keys, stream, "values")
            if said.values is not None:
                _check("stream", stream, "Values", said.values, at, registry, faults)
    components = {"sampler": plan.sampler, "vocoder": plan.vocoder}
    for kind, component in components.items():
        if component is not None:
            at = (kind, "config")
            _check(kind, component.name, "Config", component.config, at, registry, faults)
    names = {stream for _, streams in told for stream in streams}
    for stream, weight in plan.guidance.items():
        if stream != "all" and weight != 0 and stream not in names:
            faults.add(("guidance", stream), f"this plan says nothing of {stream}")
    faults.raise_any()


def _check(
    kind: str,
    name: str,
    part: str,
    told: dict[str, Any],  # Any: JSON of the component's own Values or Config
    keys: Keys,
    registry: Registry,
    faults: Faults,
) -> None:
    """Note what a component's class for its ``part`` does not take."""
    try:
        model: type[Settings] = getattr(registry.get(kind, name), part)
        with registry.blame(name, "read what the plan says"):
            try:
                model.model_validate_json(json.dumps(told), strict=True)
            except ValidationError as fault:
                faults.add_invalid(fault, model, told, keys)
    except PluginError as fault:
        faults.add(keys[:-1], str(fault))


def place_output(plan: Plan, name: str, output: str | None = None) -> Plan:
    """Return a plan that writes its song to a path it may write to: ``output``, or its own.

    A plan may be a stranger's, so its own may not leave the folder where muze was started.

    Raises:
        ManifestError: no song can or may be written there.
    """
    here = Path.cwd().resolve()
    path = resolved(Path(plan.output.path if output is None else output))
    if output is None and not path.is_relative_to(here):
        raise ManifestError(
            f"{name}: output.path: {path} leaves the folder {here}; to write there, give --output"
        )
    check_output(path)
    if lost := written_over(path, _recordings_of(plan)):
        raise ManifestError(
            f"{lost}: is read here and would be written over; give another --output"
        )
    placed = {"path": str(path), "format": path.suffix.lower().lstrip(".")}
    return plan.model_copy(update={"output": plan.output.model_copy(update=placed)})


def _recordings_of(plan: Plan) -> list[Path]:
    """Return the recordings a plan's streams are taken from."""
    told = [*plan.streams.values(), *(s for part in plan.sections for s in part.streams.values())]
    return [Path(stream.recording.path) for stream in told if stream.recording is not None]


def check_made_with(plan: Plan, name: str, registry: Registry) -> None:
    """Check that model, plugins and features are those that the plan was made with.

    Raises:
        ManifestError: one of them differs; names both.
        MuzeError: one of them is not here.
    """
    pairs = [(f"muze {plan.muze}", f"muze {muze.__version__}")]
    pairs += [(then, registry.version(plugin)) for plugin, then in plan.plugins.items()]
    for stream, then in plan.feature_versions.items():
        now = registry.get("stream", stream).feature_version
        told = "of the features of stream"
        pairs.append((f"version {then} {told} {stream}", f"version {now} {told} {stream}"))
    pairs += _networks(plan, registry)
    differ = dict.fromkeys(pair for pair in pairs if pair[0] != pair[1])
    if differ:
        raise ManifestError(
            f"{name}: this plan was made with {', '.join(then for then, _ in differ)}; here is "
            f"{', '.join(now for _, now in differ)}; the same file would not come back, so plan "
            "the manifest anew"
        )


def _networks(plan: Plan, registry: Registry) -> list[tuple[str, str]]:
    if not plan.parts:
        return []
    here = whole_header(model_folder(plan.model, registry, Path.cwd())).get("parts", {})
    return [
        (f"{part} {then[:12]} of model {plan.model}", f"{part} {now[:12]} of model {plan.model}")
        for part, then in plan.parts.items()
        for now in [here[part]["sha256"] if part in here else "none"]
    ]
