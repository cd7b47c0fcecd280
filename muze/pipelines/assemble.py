"""Puts trained parts together into one model folder, as small as it can be shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muze.core.errors import CheckpointError
from muze.core.precision import Precision
from muze.model.checkpoint import part_tensors, write_weights
from muze.model.header import FORMAT, part_of, read_header, trained_sha256, weights_file
from muze.model.precision import stored
from muze.pipelines.vocoder_mel import check_parts

PARTS = ("autoencoder", "denoiser", "vocoder")


def assemble(
    out: Path, parts: dict[str, Path], precision: Precision | str = Precision.fp32
) -> None:
    """Write a model folder of parts from other folders.

    What ``out`` already holds of a part that is not named is kept. What LoRA learnt is put into the
    weights it was learnt beside.

    Raises:
        CheckpointError: a folder lacks its part, a file is damaged, the denoiser was trained on
            the latents of another autoencoder, or the vocoder hears another mel.
    """
    header: dict[str, Any] = {"muze_model": FORMAT, "parts": {}}
    if (out / "muze.json").exists():
        header |= read_header(out)
    known = header["parts"]
    for name, folder in parts.items():
        weights_file(folder, name)  # all is looked at before anything is written
        about = {k: v for k, v in part_of(folder, name).items() if k != "lora"}
        known[name] = {**about, "trained_sha256": trained_sha256(about)}
    if "denoiser" in known and "autoencoder" in known:
        wanted = known["denoiser"].get("autoencoder_sha256")
        if wanted is None:
            raise CheckpointError(f"{out}: its denoiser does not tell its autoencoder_sha256")
        if trained_sha256(known["autoencoder"]) != wanted:
            raise CheckpointError(f"{out}: its denoiser was trained on another autoencoder")
    check_parts(out, known)
    weights = (
        (name, stored(part_tensors(folder, name), precision)) for name, folder in parts.items()
    )
    write_weights(out, header, weights)
