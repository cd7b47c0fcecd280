"""Reads the settings of a training from YAML, with options of the command line over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from muze.core.errors import ManifestError
from muze.core.settings import Settings
from muze.manifest.faults import Faults, Keys, Source
from muze.manifest.yaml_lines import read_value, read_yaml

S = TypeVar("S", bound=Settings)
Check = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]  # Any: as YAML gives it
"""Tells what is wrong with settings that only the disk knows: a key, and what is wrong there."""


def read_settings(
    path: Path | None,
    model: type[S],
    options: Mapping[str, Any],
    changes: Sequence[str] = (),
    check: Check | None = None,
) -> S:
    """Return settings of a ``model`` as a YAML file gives them; an option wins over its key.

    ``changes`` are any settings, like ``unet.dropout=0.1``, and win over the file too. What a
    ``check`` finds is told beside the other faults.

    Raises:
        ManifestError: one line per fault, ``train.yaml:3: batch_size: what is wrong``.
    """
    data: Any = {}
    faults = Faults(Source("command line", Path.cwd()))
    if path is not None:
        data, faults = read_yaml(path)
    names: dict[Keys, str] = {
        (name,): "--from" if name == "start" else f"--{name.replace('_', '-')}" for name in options
    }
    faults.source = replace(faults.source, options=names)
    if not isinstance(data, dict):
        faults.add((), "must be a mapping, like `batch_size: 16`")
        faults.raise_any()
    for change in changes:
        names[_change(data, change)] = f"--set {change.partition('=')[0].strip()}"
    said = {**data, **options}
    settings, invalid = None, None
    try:
        settings = model.model_validate(said)
    except ValidationError as fault:
        invalid = fault
        faults.add_invalid(fault, model, said)
    for key, told in check(said) if check else ():
        faults.add((key,), told)
    faults.raise_any()
    if settings is None:
        assert invalid is not None
        raise invalid
    return settings


def _change(data: dict[str, Any], change: str) -> Keys:
    """Set what a change says, and return its keys.

    Raises:
        ManifestError: it is not of the form ``unet.dropout=0.1``.
    """
    name, equals, value = change.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys):
        raise ManifestError(f"--set {change!r} should be like unet.dropout=0.1")
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    data[keys[-1]] = read_value(value)
    return keys
