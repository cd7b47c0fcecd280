"""Model folders: ``muze.json`` says what a model is, ``*.safetensors`` hold its weights."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from muze.core.errors import CheckpointError
from muze.core.settings import Settings
from muze.model.header import FORMAT, read_header, sha256, weights_file, write_header


def save_part(
    folder: Path,
    part: str,
    module: nn.Module,
    settings: Settings,
    training: dict[str, Any],
    half: bool = False,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write one network of a model beside those already there, and tell of it in ``muze.json``.

    ``half`` stores 16-bit floats. The header names each file's sha256, so damage is noticed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
        for name, value in module.state_dict().items()
    }
    file = folder / f"{part}.safetensors"
    fresh = file.with_suffix(".part")
    save_file(tensors, fresh)
    os.replace(fresh, file)
    known = read_header(folder) if (folder / "muze.json").exists() else {}
    parts = known.get("parts", {})
    parts[part] = {
        "settings": settings.model_dump(mode="json"),
        "file": file.name,
        "sha256": sha256(file),
        "parameters": sum(p.numel() for p in module.parameters()),
        "training": training,
        **(extra or {}),
    }
    write_header(folder, {**known, "muze_model": FORMAT, "parts": parts})


def load_part(folder: Path, part: str, module: nn.Module) -> None:
    """Fill a network with its weights, as 32-bit floats.

    Raises:
        CheckpointError: the file is missing, cut short, not the one the header tells of, or holds
            other weights than the network has.
    """
    file = weights_file(folder, part)
    try:
        tensors = load_file(file)
        module.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
    except (SafetensorError, RuntimeError) as fault:
        told = shorten(str(fault), 300, placeholder=" ...")  # torch lists every weight in lines
        raise CheckpointError(f"{file}: does not fit the {part}: {told}") from None
