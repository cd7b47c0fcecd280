"""Components by name, each with its settings; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.core.errors import PluginError
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.manifest.faults import Faults, Source


def open_streams(
    settings: Mapping[str, Mapping[str, object]], registry: Registry
) -> dict[str, Stream]:
    """Return streams by name, each with its settings.

    Raises:
        PluginError: a stream is not installed, or has no such settings.
    """
    streams: dict[str, Stream] = {}
    for name, config in settings.items():
        cls = registry.get("stream", name)
        streams[name] = cls(settings_of("stream", name, cls, config, registry))
    return streams


def settings_of(
    kind: str, name: str, cls: Any, settings: Mapping[str, object], registry: Registry
) -> Any:  # Any: the class of a component, and its own Config
    try:
        return cls.Config.model_validate(settings)
    except ValidationError as fault:
        faults = Faults(Source("", Path()))
        faults.add_invalid(fault, cls.Config, dict(settings))
        told = "; ".join(
            f"{'.'.join(map(str, keys))}: {text}" if keys else text for keys, text in faults.found
        )
        raise PluginError(
            f"{kind} {name} ({registry.version(name)}) does not take these settings: {told}"
        ) from None
