"""What every stream must say of itself, and which values it must refuse or draw."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from pydantic import ValidationError

from muze.core.errors import MuzeError
from muze.core.grid import Features
from muze.core.protocols import check_values
from muze.testing.batches import LATENT, collate, encoder_of, everywhere
from muze.testing.settings import (
    check_config,
    check_light_import,
    refusal,
    refuses_unknown_keys,
    require,
    short,
)
from muze.testing.streams import SONG, StreamCase, follows_layout, same_widths

EXTREME_NUMBERS = (0, -1, 1e-6, 1e6, -1e6)
EXTREME_WORDS = ("", " ", "?", "🎵", "la " * 300)
LONG = 50  # times a list is said over


def check_examples(case: StreamCase) -> None:
    """Values gives examples, valid as a manifest is read, and refuses what is no number or key."""
    values = case.cls.Values
    for example in case.examples:
        values(**example)
        refuses_unknown_keys(values, example)
        fault = refusal(values, example)
        require(fault is None, f"{example} is refused by JSON's strict rules: {fault}")
        for endless in _endless(example):
            require(
                refusal(values, endless) is not None,
                f"Values takes {endless}; derive it from muze.core.settings.Settings, which "
                "refuses what is not finite",
            )


def check_declarations(case: StreamCase) -> None:
    """What the class says of itself is of the right kind."""
    cls = case.cls
    fields = cls.Values.model_fields
    require(
        cls.primary in fields,
        f"primary is {cls.primary!r}; it must be a field of Values: {', '.join(fields)}",
    )
    require(
        isinstance(cls.feature_version, int) and cls.feature_version >= 1,
        f"feature_version is {cls.feature_version!r}; it must be a whole number from 1",
    )
    require(bool(cls.extractor), "extractor must tell what extract listens with")
    flag = getattr(cls, "hears", True)
    require(isinstance(flag, bool), f"hears is {flag!r}; it must be True or False")
    suffixes = getattr(cls, "reads", ())
    require(
        isinstance(suffixes, tuple) and all(s[:1] == "." and s == s.lower() for s in suffixes),
        f"reads is {suffixes!r}; it must be suffixes in small letters, as ('.mid',)",
    )
    needs = {"read": bool(suffixes), "check": False, "misfits": False, "complete": False,
             "file_misfit": False, "confidence": False}  # fmt: skip
    for name, needed in needs.items():
        hook = getattr(cls, name, None)
        require(hook is not None or not needed, f"it reads {suffixes}, but has no method read")
        require(hook is None or callable(hook), f"{name} is {hook!r}; it must be a method")
    require(
        isinstance(cls.guidance, (int, float)) and cls.guidance >= 0,
        f"guidance is {cls.guidance!r}; it must be a weight of at least 0",
    )
    require(bool(cls.layout), "layout names no array")
    odd = {kind for kind in cls.layout.values() if kind not in ("frames", "vector", "tokens")}
    require(not odd, f"layout has {odd}; the kinds are frames, vector and tokens")


def check_extreme_values(case: StreamCase) -> None:
    """Values far from its examples are refused in Values, or drawn and encoded like any other."""
    tried = {short(told): told for example in case.examples for told in _extremes(example)}
    for told in tried.values():
        drawn = _drawn(case, told)
        if drawn is None:
            continue
        what = f"parse({short(told)})"
        follows_layout(case, drawn, SONG, what)
        same_widths(case, drawn, case.parsed[0], what)
        with torch.inference_mode():
            encoded = encoder_of(case)(collate(case, [drawn]), everywhere(1), LATENT)
        for site, value in encoded.items():
            finite = bool(value.isfinite().all())
            require(finite, f"{short(told)} is not finite at {site}; bound it in Values")


def _drawn(case: StreamCase, told: dict[str, Any]) -> Features | None:
    """Return what a stream draws of values; None where it refuses them."""
    if refusal(case.cls.Values, told) is not None:
        return None
    try:
        check_values(case.stream, case.cls.Values(**told))
        return case.parse(told)
    except MuzeError:  # told, not drawn: as good as refused
        return None
    except ValidationError as fault:
        raise AssertionError(f"Values takes {short(told)} and then does not: {fault}") from None


def _endless(told: Any) -> Iterator[Any]:
    """Yield an example with each of its numbers replaced by what is not finite."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from ({**told, key: other} for other in _endless(value))
    elif isinstance(told, list):
        for index, value in enumerate(told):
            yield from ([*told[:index], other, *told[index + 1 :]] for other in _endless(value))
    elif isinstance(told, (int, float)) and not isinstance(told, bool):
        yield from (math.inf, -math.inf, math.nan)


def _extremes(told: Any) -> Iterator[Any]:
    """Yield an example with one thing in it empty, very long, very small or very large.

    Of a list, its first entry stands for the others.
    """
    if isinstance(told, dict):
        for key, value in told.items():
            yield from ({**told, key: other} for other in _extremes(value))
    elif isinstance(told, list):
        yield from ([], told[:1], told * LONG)
        yield from ([other, *told[1:]] for first in told[:1] for other in _extremes(first))
    elif isinstance(told, str):
        yield from EXTREME_WORDS
    elif isinstance(told, (int, float)) and not isinstance(told, bool):
        yield from EXTREME_NUMBERS


CHECKS = (
    check_examples,
    check_declarations,
    check_config,
    check_light_import,
    check_extreme_values,
)
