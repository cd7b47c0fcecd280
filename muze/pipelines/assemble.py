"""Puts trained parts together into one model folder, as small as it can be shipped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from muze.core.errors import CheckpointError
from muze.model.header import (
    FORMAT,
    part_of,
    read_header,
    sha256,
    trained_sha256,
    weights_file,
    write_header,
)

PARTS = ("autoencoder", "denoiser", "vocoder")


def assemble(out: Path, parts: dict[str, Path], half: bool) -> None:
    """Write a model folder of parts from other folders; ``half`` stores 16-bit floats.

    What ``out`` already holds of a part that is not named is kept.

    Raises:
        CheckpointError: a folder lacks its part, a file is damaged, or the denoiser was trained on
            the latents of another autoencoder.
    """
    header: dict[str, Any] = {"muze_model": FORMAT, "parts": {}}
    if (out / "muze.json").exists():
        header |= read_header(out)
    known = header["parts"]
    sources = {name: weights_file(folder, name) for name, folder in parts.items()}
    for name, folder in parts.items():
        known[name] = part_of(folder, name)
    if "denoiser" in known and "autoencoder" in known:
        wanted = known["denoiser"]["autoencoder_sha256"]
        if trained_sha256(known["autoencoder"]) != wanted:
            raise CheckpointError(f"{out}: its denoiser was trained on another autoencoder")
    out.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        tensors = {
            key: value.to(torch.float16) if half and value.is_floating_point() else value
            for key, value in load_file(source).items()
        }
        file, fresh = out / f"{name}.safetensors", out / f"{name}.part"
        save_file(tensors, fresh)
        os.replace(fresh, file)
        known[name] = {
            **known[name],
            "file": file.name,
            "sha256": sha256(file),
            "trained_sha256": trained_sha256(known[name]),
        }
    write_header(out, header)
