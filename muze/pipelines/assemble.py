"""Puts trained parts together into one model folder, as small as it can be shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from muze.core.errors import CheckpointError
from muze.model.checkpoint import in_precision, write_weights
from muze.model.header import FORMAT, part_of, read_header, trained_sha256, weights_file

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
        about = part_of(folder, name)
        known[name] = {**about, "trained_sha256": trained_sha256(about)}
    if "denoiser" in known and "autoencoder" in known:
        wanted = known["denoiser"].get("autoencoder_sha256")
        if wanted is None:
            raise CheckpointError(f"{out}: its denoiser does not tell its autoencoder_sha256")
        if trained_sha256(known["autoencoder"]) != wanted:
            raise CheckpointError(f"{out}: its denoiser was trained on another autoencoder")
    stored = ((name, in_precision(load_file(source), half)) for name, source in sources.items())
    write_weights(out, header, stored)
