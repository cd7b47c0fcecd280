"""Reads the settings of a training from YAML, with options of the command line over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from muze.core.settings import Settings
from muze.manifest.faults import Faults, Keys, Source
from muze.manifest.yaml_lines import read_yaml

S = TypeVar("S", bound=Settings)


def read_settings(path: Path | None, model: type[S], options: Mapping[str, Any]) -> S:
    """Return settings of a ``model`` as a YAML file gives them; an option wins over its key.

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
    try:
        settings = model.model_validate({**data, **options})
    except ValidationError as fault:
        faults.add_invalid(fault, model, {**data, **options})
        faults.raise_any()
        raise
    faults.raise_any()
    return settings
