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
    """Return the header of one network: its ``settings``, ``file``, ``sha256`` and more.

    Raises:
        CheckpointError: the model has no such part, or says too little of it.
    """
    parts = read_header(folder).get("parts", {})
    if part not in parts:
        raise CheckpointError(f"{folder}: has no {part}; it has {', '.join(parts) or 'nothing'}")
    found: dict[str, Any] = parts[part]
    if missing := [key for key in ("settings", "file", "sha256") if key not in found]:
        raise CheckpointError(f"{folder}: does not tell the {', '.join(missing)} of its {part}")
    return found


def weights_file(folder: Path, part: str) -> Path:
    """Return where one network's weights lie, once they are what the header tells of.

    Raises:
        CheckpointError: the file is missing, cut short, or not the one the header tells of.
    """
    about = part_of(folder, part)
    file = folder / Path(about["file"]).name  # a name, never a path out of the folder
    if not file.is_file():
        raise CheckpointError(f"{file}: is missing")
    if sha256(file) != about["sha256"]:
        raise CheckpointError(f"{file}: is damaged or was changed; its sha256 is not muze.json's")
    return file


def part_settings(folder: Path, part: str, model: type[S]) -> S:
    """Return one network's settings as the header says them.

    Raises:
        CheckpointError: they are not settings of that network in this muze.
    """
    try:
        return model.model_validate(part_of(folder, part)["settings"])
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            f"{folder}: the settings of its {part} are wrong: {where}: {first['msg']}"
        ) from None


def trained_sha256(about: dict[str, Any]) -> str:
    """Return the hash of a network's weights as trained, whatever precision they ship in.

    Latents are tied to the autoencoder by it.
    """
    return str(about.get("trained_sha256", about["sha256"]))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
