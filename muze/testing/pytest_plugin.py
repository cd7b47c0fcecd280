"""The pytest face of the kit; imports nothing heavy until a test file asks for checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from muze.core.registry import Registry

Mark = pytest.MarkDecorator


@pytest.fixture(scope="session")
def muze_registry() -> Registry:
    """Give the registry of what is installed."""
    from muze.core.registry import Registry

    return Registry()


def stream_checks(name: str) -> Mark:
    """Parametrize a test's ``check`` over every check of the installed stream ``name``."""
    return _checks("stream", name)


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


def _checks(kind: str, name: str) -> Mark:
    from muze.core.registry import Registry
    from muze.testing.checks import checks_of

    bound: list[tuple[str, Callable[[], None]]] = checks_of(kind, Registry().get(kind, name))
    return pytest.mark.parametrize("check", [pytest.param(run, id=label) for label, run in bound])
