"""Where a model lies: an installed one, a folder, or one of the hub; found without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from muze.core.errors import CheckpointError
from muze.core.registry import Registry


def model_folder(name: str, registry: Registry, beside: Path) -> Path:
    """Return the folder of a model: an installed one, a folder ``beside`` a manifest, or a hub id.

    The folder of a run that fine-tuned a model stands for what it made.

    Raises:
        PluginError: there is none of this name.
        CheckpointError: a hub id that cannot be fetched.
    """
    if name in registry.models():
        return registry.model_path(name)
    folder = beside / name
    if os.path.isdir(folder):  # where Path.is_dir raises for a name that is too long
        return _of_run(folder.resolve())
    if name.count("/") == 1 and name[0].isalnum():
        return _from_hub(name)
    return registry.model_path(name)  # which tells what is installed


def _of_run(folder: Path) -> Path:
    """Return the fine-tuned denoiser in a run's folder, or the folder itself."""
    tuned = folder / "denoiser"
    if (folder / "muze.json").exists() or not (tuned / "muze.json").exists():
        return folder
    try:
        header = json.loads((tuned / "muze.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return tuned  # what is wrong with it is told where it is read
    return tuned if isinstance(header, dict) and "base" in header else folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    wanted = ["muze.json", "*.safetensors", "*.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as fault:
        raise CheckpointError(
            f"model {name!r} is no folder here, and cannot be fetched from the hub: "
            f"{str(fault).splitlines()[0]}"
        ) from None
