"""The hooks a plugin may implement; each returns classes, and builds nothing."""

from typing import Any

from pluggy import HookspecMarker

hookspec = HookspecMarker("muze")


@hookspec
def muze_streams() -> Any:
    """Return the conditioning streams (``core.protocols.Stream``) this plugin offers."""


@hookspec
def muze_samplers() -> Any:
    """Return the samplers (``core.protocols.Sampler``) this plugin offers."""


@hookspec
def muze_vocoders() -> Any:
    """Return the vocoders (``core.protocols.Vocoder``) this plugin offers."""


@hookspec
def muze_voices() -> Any:
    """Return the voice backends (``core.protocols.VoiceBackend``) this plugin offers."""


@hookspec
def muze_separators() -> Any:
    """Return the source separators (``core.protocols.Separator``) this plugin offers."""
