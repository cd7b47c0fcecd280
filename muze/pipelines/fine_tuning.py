"""What a model that starts from another keeps of it: LoRA beside its weights, and its other parts.

A fine-tuned denoiser lies in ``<run>/denoiser``, whose header names its ``base``: the model, and
the hash of each part. Parts that it has not (autoencoder, vocoder, planner) are the base's; with
LoRA its own file holds nothing but what was learnt.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muze.audio.torchaudio_import import torchaudio_import
from muze.core.errors import CheckpointError, MuzeError, NotInstalledError
from muze.core.registry import Registry
from muze.data.store import Dataset
from muze.model.denoiser import Denoiser
from muze.model.header import part_of, trained_sha256, whole_header
from muze.model.lora import Lora, target_layers

Base = dict[str, Any]  # Any: JSON, as muze.model.header.Base


def data_of(dataset: Dataset) -> dict[str, Any]:  # Any: JSON
    """Return what a header says of the dataset of a training: its name, its tracks, its hours."""
    hours = sum(float(record["duration"]) for record in dataset.tracks) / 3600
    return {"dataset": dataset.path.name, "tracks": len(dataset.tracks), "hours": round(hours, 3)}


def base_of(start: str, folder: Path, vae: Path, lora: bool) -> Base | None:
    """Return what a header says of the model that a run starts from, its folder absolute.

    None where that has no part to give, as a lone denoiser, or one of other latents than ``vae``.

    Raises:
        MuzeError: LoRA starts from what is LoRA itself, or on another autoencoder.
    """
    parts = whole_header(folder).get("parts", {})
    if lora and "lora" in part_of(folder, "denoiser"):
        raise MuzeError(
            f"lora: {start} was fine-tuned by LoRA itself; make one whole model of it first: "
            "muze models export --merged"
        )
    given = {name: about["sha256"] for name, about in parts.items()}
    if not lora:
        given.pop("denoiser", None)
    theirs, ours = parts.get("autoencoder"), part_of(vae, "autoencoder")
    if theirs is not None and trained_sha256(theirs) != trained_sha256(ours):
        if lora:
            raise MuzeError(f"lora: vae {vae} is another autoencoder than that of {start}")
        return None
    named = start in Registry().models() or not os.path.isdir(start)
    return {"model": start if named else str(folder), "parts": given} if given else None


def base_from(base: Base, folder: Path) -> Base:
    """Return what the header in a ``folder`` says of a base: its folder as it lies from there."""
    model = base["model"]
    if os.path.isabs(model):
        try:
            model = Path(os.path.relpath(model, folder.resolve())).as_posix()
        except ValueError:  # on another drive of Windows
            model = str(model)
    return {**base, "model": model}


def add_lora(model: Denoiser, lora: Lora, names: list[str], seed: int) -> None:
    """Let some layers of a denoiser learn changes of low rank, which begin as none.

    Nothing else of it learns any more.

    Raises:
        NotInstalledError: peft is not installed.
    """
    try:
        torchaudio_import()  # which peft's import asks for, through transformers
        from peft import LoraConfig, inject_adapter_in_model
    except ModuleNotFoundError:
        raise NotInstalledError('lora needs peft: pip install "muze[lora]"') from None
    model.requires_grad_(False)
    alpha: Any = lora.rank if lora.alpha is None else lora.alpha  # Any: peft says int, takes float
    config = LoraConfig(r=lora.rank, lora_alpha=alpha, target_modules=names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)


def lora_layers(model: Denoiser, lora: Lora) -> list[str]:
    """Return the names of the layers that learn.

    Raises:
        CheckpointError: the model has none of the kind.
    """
    if names := target_layers(model, lora.targets):
        return names
    raise CheckpointError(f"lora: the model has no layers of {', '.join(lora.targets)}")


def learnt_names(model: Denoiser, base: Collection[str]) -> dict[str, str]:
    """Return the names in a model's state of what its base's has not, by the names in a file."""
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    names = {_in_file(name): name for name in model.state_dict()}
    return {plain: n for plain, n in names.items() if n in trained or plain not in base}


def learnt(model: Denoiser, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Return what a model learnt, to be written."""
    state = model.state_dict()
    return {plain: state[name] for plain, name in names.items()}


def _in_file(name: str) -> str:
    """Return the name of a weight without what peft puts into it."""
    return name.replace(".base_layer.", ".").replace(".default.", ".")
