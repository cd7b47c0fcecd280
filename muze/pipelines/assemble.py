"""Puts trained parts together into one model folder, as small as it can be shipped."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from muze.core.errors import CheckpointError
from muze.model.header import FORMAT, part_of, read_header, sha256, write_header

PARTS = ("autoencoder", "denoiser", "vocoder")


def assemble(out: Path, parts: dict[str, Path], half: bool) -> None:
    """Write a model folder of parts from other folders; ``half`` stores 16-bit floats.

    What ``out`` already holds of a part that is not named is kept.

    Raises:
        CheckpointError: a folder lacks its part, a file is damaged, or the denoiser was trained on
            the latents of another autoencoder.
    """
    out.mkdir(parents=True, exist_ok=True)
    header = read_header(out) if (out / "muze.json").exists() else {"muze_model": FORMAT}
    known = header.setdefault("parts", {})
    for name, folder in parts.items():
        about = part_of(folder, name)
        source = folder / Path(about["file"]).name
        if sha256(source) != about["sha256"]:
            raise CheckpointError(f"{source}: is damaged or was changed")
        tensors = {
            key: value.to(torch.float16) if half and value.is_floating_point() else value
            for key, value in load_file(source).items()
        }
        file = out / f"{name}.safetensors"
        save_file(tensors, file)
        # latents are tied to the autoencoder that was trained, whatever precision it ships in
        known[name] = {
            **about,
            "file": file.name,
            "sha256": sha256(file),
            "trained_sha256": about.get("trained_sha256", about["sha256"]),
        }
    if "denoiser" in known and "autoencoder" in known:
        wanted = known["denoiser"]["autoencoder_sha256"]
        if known["autoencoder"]["trained_sha256"] != wanted:
            raise CheckpointError(f"{out}: its denoiser was trained on another autoencoder")
    write_header(out, header)
