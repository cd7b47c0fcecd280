"""What every component must do whatever its kind, and how a check tells what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from pydantic import BaseModel, ValidationError


def require(condition: bool, message: str) -> None:
    """Raise ``AssertionError``, with or without ``python -O``, unless ``condition`` holds."""
    if not condition:
        raise AssertionError(message)


def check_config(case: Any) -> None:
    """Config needs no arguments, refuses a misspelt key and survives JSON, as in a checkpoint."""
    config = case.cls.Config()
    refuses_unknown_keys(case.cls.Config, {})
    again = case.cls.Config.model_validate_json(config.model_dump_json())
    require(again == config, f"Config changes on its way through JSON: {config} became {again}")


def check_light_import(case: Any) -> None:
    """Importing the plugin does not import torch, so that listing plugins stays quick."""
    code = f"import sys, {case.cls.__module__}; sys.exit(3 if 'torch' in sys.modules else 0)"
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path)
    require(done.returncode != 3, "importing it imports torch; import torch inside the functions")
    require(done.returncode == 0, f"it does not import alone: {done.stderr.strip()}")


def short(value: Any) -> str:
    """Return what a value looks like, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def refusal(model: type[BaseModel], told: dict[str, Any]) -> str | None:
    """Return why ``model`` refuses what a manifest says, read strictly as JSON is, or None."""
    try:
        model.model_validate_json(json.dumps(told), strict=True)
    except ValidationError as fault:
        return str(fault.errors(include_url=False)[0]["msg"])
    return None


def refuses_unknown_keys(model: type[BaseModel], sound: dict[str, Any]) -> None:
    """Raise ``AssertionError`` if ``model`` takes a key it does not know."""
    try:
        model(**sound, no_such_key=1)
    except ValidationError:
        return
    raise AssertionError(
        f"{model.__qualname__} takes an unknown key; derive it from muze.core.settings.Settings"
    )
