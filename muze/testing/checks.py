"""Runs the checks of any component: pytest and ``muze plugins check`` both go through here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muze.core.errors import NotInstalledError, PluginError
from muze.core.registry import Registry

if TYPE_CHECKING:
    from muze.testing.streams import Render


def checks_of(
    kind: str, component: Any, weights: Path | None = None, render: Render | None = None
) -> list[tuple[str, Callable[[], None]]]:
    """Return (name, check) for every check a component of ``kind`` must pass.

    A check raises ``AssertionError`` with what would be right. ``weights``, a file or a model's
    folder, is for vocoders that need them; ``render`` for streams whose values can be made into
    sound.
    """
    case: Any
    checks: Sequence[Callable[[Any], None]]
    if kind == "stream":
        from muze.testing import (
            declarations,
            drawing,
            encoders,
            invariances,
            masks,
            records,
            scores,
            streams,
        )

        case = streams.StreamCase(component, render)
        parts = (declarations, drawing, records, scores, encoders, masks, invariances)
        checks = [check for part in parts for check in part.CHECKS]
        if render is not None:
            checks = [*checks, scores.check_agreement]
    elif kind == "sampler":
        from muze.testing import samplers

        case, checks = samplers.SamplerCase(component), samplers.CHECKS
    elif kind == "vocoder":
        from muze.testing import vocoders

        case, checks = vocoders.VocoderCase(component, weights), vocoders.CHECKS
    elif kind == "voice":
        from muze.testing import voices

        case, checks = voices.VoiceCase(component), voices.CHECKS
    else:
        from muze.testing import separators

        case, checks = separators.SeparatorCase(component), separators.CHECKS
    return [(check.__name__.removeprefix("check_"), partial(check, case)) for check in checks]


def run_checks(
    registry: Registry, plugin: str, weights: Path | None = None
) -> Iterator[tuple[str, str, str | None]]:
    """Yield (component, check, what failed or None) for everything a plugin offers.

    Raises:
        PluginError: the plugin is not installed or does not load, or nothing was checked.
        NotInstalledError: what it listens or reads with is not installed.
    """
    checked = 0
    for kind, components in registry.working(plugin).components.items():
        for name, component in components.items():
            for label, check in checks_of(kind, component, weights):
                yield f"{kind} {name}", label, _failure(registry, name, label, check)
                checked += 1
    if not checked:
        raise PluginError(f"plugin {plugin} offers nothing that could be checked")


def _failure(registry: Registry, name: str, label: str, check: Callable[[], None]) -> str | None:
    try:
        with registry.blame(name, f"run check {label}"):
            try:
                check()
            except AssertionError as failure:
                return str(failure) or label
    except NotInstalledError:  # nothing is wrong with the plugin; it cannot be checked here
        raise
    except PluginError as fault:
        return str(fault)
    return None
