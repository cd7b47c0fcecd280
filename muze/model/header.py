"""What a model folder says of itself in ``muze.json``; read without torch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from muze.core.errors import CheckpointError
from muze.core.settings import Settings

FORMAT = 1
S = TypeVar("S", bound=Settings)


def read_header(folder: Path) -> dict[str, Any]:
    """Return what ``muze.json`` says.

    Raises:
        CheckpointError: no such folder, no header, or one of another format.
    """
    path = folder / "muze.json"
    if not path.exists():
        raise CheckpointError(f"{folder}: is no model folder; it has no muze.json")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault}") from None
    if not isinstance(header, dict) or header.get("muze_model") != FORMAT:
        raise CheckpointError(
            f"{path}: is of format {header.get('muze_model') if isinstance(header, dict) else '?'};"
            f" this muze reads format {FORMAT}"
        )
    return header


def write_header(folder: Path, header: dict[str, Any]) -> None:
    """Write ``muze.json``, whole or not at all."""
    fresh = folder / "muze.json.part"
    fresh.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, folder / "muze.json")


def part_of(folder: Path, part: str) -> dict[str, Any]:
    """Return the header of one network.

    Raises:
        CheckpointError: the model has no such part.
    """
    parts = read_header(folder).get("parts", {})
    if part not in parts:
        raise CheckpointError(f"{folder}: has no {part}; it has {', '.join(parts) or 'nothing'}")
    found: dict[str, Any] = parts[part]
    return found


def part_settings(folder: Path, part: str, model: type[S]) -> S:
    """Return one network's settings as the header says them."""
    try:
        return model.model_validate(part_of(folder, part)["settings"])
    except (ValidationError, KeyError) as fault:
        raise CheckpointError(f"{folder}: the settings of its {part} are wrong: {fault}") from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
