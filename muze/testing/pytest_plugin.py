"""The pytest face of the kit; imports nothing heavy until a test file asks for checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.testing.streams import Render

Mark = pytest.MarkDecorator


@pytest.fixture(scope="session")
def muze_registry() -> Registry:
    """Give the registry of what is installed."""
    from muze.core.registry import Registry

    return Registry()


def stream_checks(name: str, render: Render | None = None) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed stream ``name``.

    ``render(values, grid)`` makes sound of what a song may say; where it is given, ``extract``
    must hear it there.
    """
    return _checks("stream", name, render)


def sampler_checks(name: str) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed sampler ``name``."""
    return _checks("sampler", name)


def vocoder_checks(name: str) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed vocoder ``name``.

    For a vocoder that needs weights write the loop yourself, over
    ``muze.testing.vocoders.CHECKS`` with a ``VocoderCase(component, weights)``.
    """
    return _checks("vocoder", name)


def voice_checks(name: str) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed voice backend ``name``."""
    return _checks("voice", name)


def separator_checks(name: str) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed separator ``name``."""
    return _checks("separator", name)


def _checks(kind: str, name: str, render: Render | None = None) -> Mark:
    from muze.core.registry import Registry
    from muze.testing.checks import checks_of

    component = Registry().get(kind, name)
    bound: list[tuple[str, Callable[[], None]]] = checks_of(kind, component, render=render)
    return pytest.mark.parametrize("check", [pytest.param(run, id=label) for label, run in bound])
