"""Latents of a dataset's tracks, worked out once and kept beside it for every training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from muze.audio.io import write_whole
from muze.core.errors import DatasetError
from muze.core.registry import Registry
from muze.data.mels import dataset_mels, identity
from muze.data.store import Dataset, read_dataset
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part, save_tensors
from muze.model.header import part_of, part_settings, trained_sha256
from muze.pipelines.load import choose_device
from muze.pipelines.model_info import model_folder
from muze.report import Report

SHARD_BYTES = 256 * 2**20
Latents = NDArray[np.float16]


def latents_folder(dataset: Path, vae_sha256: str) -> Path:
    """Return where a dataset's latents by one autoencoder are kept."""
    return dataset.with_suffix(".latents") / vae_sha256[:16]


def encode_dataset(
    dataset: Dataset, model: AudioVAE, vae_sha256: str, mels: Path, report: Report
) -> Path:
    """Keep every track's latents in safetensors shards, and return their folder.

    What is kept already is not worked out again; each shard is there whole or not at all.
    """
    folder = latents_folder(dataset.path, vae_sha256)
    folder.mkdir(parents=True, exist_ok=True)
    index = _index(folder)
    known = {name for names in index.values() for name in names}
    missing = [r for r in dataset.tracks if identity(dataset, r, model.settings.mel) not in known]
    fresh = Dataset(dataset.path, tuple(missing))
    shard: dict[str, torch.Tensor] = {}

    def write() -> None:
        name = f"{len(index):05d}.safetensors"
        save_tensors(shard, folder / name)
        index[name] = [*shard]
        write_whole(folder / "index.json", json.dumps(index).encode())
        shard.clear()

    found = encoded(dataset_mels(fresh, model.settings.mel, mels, report), model, report)
    for record, latents in zip(missing, found, strict=True):
        shard[identity(dataset, record, model.settings.mel)] = torch.from_numpy(latents)
        if sum(x.nbytes for x in shard.values()) > SHARD_BYTES:
            write()
    if shard:
        write()
    return folder


def encode_with(dataset: Path, vae: str, device: str, report: Report) -> Path:
    """Encode a dataset with a model's autoencoder, and return the folder of its latents.

    Raises:
        DatasetError: the dataset cannot be read.
        MuzeError: there is no such model.
    """
    found, folder = read_dataset(dataset), model_folder(vae, Registry(), Path.cwd())
    model = AudioVAE(part_settings(folder, "autoencoder", AutoencoderSettings))
    load_part(folder, "autoencoder", model)
    model.eval().to(choose_device(device))
    sha = trained_sha256(part_of(folder, "autoencoder"))
    return encode_dataset(found, model, sha, dataset.with_suffix(".mels"), report)


def stored_latents(dataset: Dataset, model: AudioVAE, vae_sha256: str) -> list[Latents] | None:
    """Return every track's latents (C, H, W), memory-mapped; None if they are not all kept.

    Raises:
        DatasetError: a shard is damaged.
    """
    folder = latents_folder(dataset.path, vae_sha256)
    found: dict[str, Latents] = {}
    for name in _index(folder):
        try:
            tensors = load_file(folder / name)
        except (OSError, SafetensorError) as fault:
            raise DatasetError(
                f"{folder / name}: is damaged; delete {folder} and encode anew ({fault})"
            ) from None
        found |= {key: tensor.numpy() for key, tensor in tensors.items()}
    names = [identity(dataset, record, model.settings.mel) for record in dataset.tracks]
    return [found[name] for name in names] if all(name in found for name in names) else None


def encoded(
    mels: Sequence[NDArray[np.float16]], model: AudioVAE, report: Report
) -> Iterator[Latents]:
    """Yield the latents (C, H, W) of log-mels (num_mels, T), cut to whole latent frames."""
    device, stride = next(model.parameters()).device, model.settings.time_stride
    advance = report.task("latents", len(mels))
    for mel in mels:
        whole = mel.shape[1] // stride * stride
        log_mel = torch.from_numpy(np.asarray(mel[:, :whole], np.float32))
        with torch.no_grad():
            latents = model.encode(log_mel[None].to(device))[0][0]
        advance()
        yield latents.cpu().numpy().astype(np.float16)


def _index(folder: Path) -> dict[str, list[str]]:
    try:
        index: dict[str, list[str]] = json.loads((folder / "index.json").read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise DatasetError(f"{folder / 'index.json'}: cannot be read: {fault}") from None
    return index
