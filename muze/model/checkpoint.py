"""Model folders: ``muze.json`` says what a model is, ``*.safetensors`` hold its weights."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from muze.core.errors import CheckpointError
from muze.core.files import sha256
from muze.core.precision import Precision
from muze.core.settings import Settings
from muze.model.header import (
    FORMAT,
    base_folder,
    part_of,
    read_header,
    weights_file,
    write_header,
)
from muze.model.lora import Lora, merge
from muze.model.precision import restored
from muze.model.precision import stored as in_file


def save_part(
    folder: Path,
    part: str,
    module: nn.Module,
    settings: Settings,
    training: dict[str, Any],
    precision: Precision | str = Precision.fp32,
    extra: dict[str, Any] | None = None,
    tensors: Mapping[str, Tensor] | None = None,
    base: dict[str, Any] | None = None,
) -> None:
    """Write one network of a model beside those already there, and tell of it in ``muze.json``.

    The header names each file's sha256, so damage is noticed.
    ``tensors`` are stored in place of all the network's; ``base`` is what it was fine-tuned from.
    """
    known = read_header(folder) if (folder / "muze.json").exists() else {}
    about = {
        "settings": settings.model_dump(mode="json"),
        "parameters": sum(p.numel() for p in module.parameters()),
        "training": training,
        **(extra or {}),
    }
    parts = {**known.get("parts", {}), part: about}
    header = {**known, "muze_model": FORMAT, "parts": parts, **({"base": base} if base else {})}
    weights = module.state_dict() if tensors is None else tensors
    write_weights(folder, header, [(part, in_file(weights, precision))])


def write_weights(
    folder: Path, header: dict[str, Any], weights: Iterable[tuple[str, dict[str, Tensor]]]
) -> None:
    """Write weights of some parts of the ``header``, and then the header, which names their files.

    A part has two file names, and new weights take the one that ``muze.json`` does not name. So
    wherever this is stopped, ``muze.json`` names whole files: all the old, or all the new.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_header(folder).get("parts", {}) if (folder / "muze.json").exists() else {}
    parts, old = dict(header["parts"]), []
    for part, tensors in weights:
        taken = Path(before.get(part, {}).get("file", "")).name  # a name, as in weights_file
        first, second = f"{part}.safetensors", f"{part}-2.safetensors"
        file = folder / (second if taken == first else first)
        fresh = file.with_suffix(".part")
        try:
            save_tensors(tensors, fresh)
            os.replace(fresh, file)
        except BaseException:  # also Ctrl-C
            fresh.unlink(missing_ok=True)
            raise
        parts[part] = {**parts[part], "file": file.name, "sha256": sha256(file)}
        if taken:
            old.append(folder / taken)
    write_header(folder, {**header, "parts": parts})
    for file in old:
        file.unlink(missing_ok=True)


def save_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write a safetensors file, which others may read as any file that this user writes.

    Raises:
        CheckpointError: the disk is full, or the folder is missing or not writable.
    """
    try:
        file.touch()
        usual = stat.S_IMODE(file.stat().st_mode)
        save_file(tensors, file)
        file.chmod(usual)  # safetensors shuts out everyone else
    except SafetensorError as fault:
        raise CheckpointError(f"{file}: cannot be written: {fault}") from None
    except OSError as fault:
        raise CheckpointError(f"{file}: cannot be written: {fault.strerror}") from None


def load_part(folder: Path, part: str, module: nn.Module, new: Collection[str] = ()) -> None:
    """Fill a network with its weights, as 32-bit floats; those that are ``new`` to it stay.

    Raises:
        CheckpointError: the file is missing, cut short, not the one the header tells of, or holds
            other weights than the network has.
    """
    own = module.state_dict()
    tensors = {name: own[name] for name in new} | part_tensors(folder, part)
    try:
        module.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
    except RuntimeError as fault:
        raise _does_not_fit(weights_file(folder, part), part, fault) from None


def part_tensors(folder: Path, part: str) -> dict[str, Tensor]:
    """Return a network's weights; what LoRA learnt is put into those of its base.

    Raises:
        CheckpointError: a file is missing, cut short, or not the one the header tells of, or the
            base is another than it was.
    """
    file, about = weights_file(folder, part), part_of(folder, part)
    try:
        tensors = restored(load_file(file))
        if "lora" not in about:
            return tensors
        lora = Lora.model_validate(about["lora"])
        return merge(part_tensors(base_folder(file.parent), part), tensors, lora.scale)
    except (SafetensorError, KeyError, RuntimeError, ValueError) as fault:
        raise _does_not_fit(file, part, fault) from None


def _does_not_fit(file: Path, part: str, fault: Exception) -> CheckpointError:
    told = shorten(str(fault), 300, placeholder=" ...")  # torch lists every weight in lines
    return CheckpointError(f"{file}: does not fit the {part}: {told}")
