"""Makes a published HiFi-GAN checkpoint a vocoder of muze: its settings, and its weights folded."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from pydantic import BaseModel, Field, ValidationError
from torch import Tensor

from muze.core.errors import CheckpointError, first_fault
from muze.core.files import sha256
from muze.core.mel import MelSettings
from muze.core.precision import Precision
from muze.model.checkpoint import save_part
from muze.model.header import read_header
from muze.pipelines.vocoder_mel import check_parts
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build

FLOOR = 1e-5
"""What HiFi-GAN's own mel raises magnitudes to before the log."""
NORMS = (("weight_g", "weight_v"), ("parametrizations.weight.original0",
                                    "parametrizations.weight.original1"))  # fmt: skip
"""Names of a normalised weight's length and direction, as torch called them in turn."""


class PublishedConfig(BaseModel):
    """What ``config.json`` beside a published checkpoint says of the generator and its mel."""

    resblock: int
    upsample_rates: list[int]
    upsample_kernel_sizes: list[int]
    upsample_initial_channel: int
    resblock_kernel_sizes: list[int]
    resblock_dilation_sizes: list[list[int]]
    num_mels: int
    n_fft: int
    hop_size: int
    win_size: int
    sampling_rate: int
    fmin: float
    fmax: float | None = Field(description="None: up to half the rate.")

    def settings(self) -> HifiGanVocoder.Config:
        """Return the vocoder's settings.

        Raises:
            ValueError: the mel's window is shorter than its Fourier transform.
        """
        if self.win_size != self.n_fft:
            raise ValueError(
                f"win_size is {self.win_size} and n_fft {self.n_fft}; muze's mel has one for both"
            )
        mel = MelSettings(
            sample_rate=self.sampling_rate,
            n_fft=self.n_fft,
            hop_length=self.hop_size,
            num_mels=self.num_mels,
            f_min=self.fmin,
            f_max=self.sampling_rate / 2 if self.fmax is None else self.fmax,
            floor=FLOOR,
        )
        given = self.model_dump(include=set(HifiGanVocoder.Config.model_fields))
        return HifiGanVocoder.Config.model_validate({**given, "mel": mel})


def import_hifigan(
    checkpoint: Path, config: Path | None, out: Path, precision: Precision | str = Precision.fp32
) -> None:
    """Write a published generator as the vocoder of the model folder ``out``.

    ``config`` is the ``config.json`` it came with; where it is not said, the one that lies beside
    the checkpoint. What ``out`` holds of other parts stays.

    Raises:
        CheckpointError: a file is missing or not what it should be, the two do not fit, or the
            folder's autoencoder makes another mel than the vocoder hears.
    """
    path = checkpoint.parent / "config.json" if config is None else config
    settings = read_config(path)
    network = build(settings)
    try:
        network.load_state_dict(folded(read_generator(checkpoint)))
    except RuntimeError as fault:
        told = shorten(str(fault), 300, placeholder=" ...")
        raise CheckpointError(f"{checkpoint}: does not fit {path}: {told}") from None
    known = read_header(out).get("parts", {}) if (out / "muze.json").exists() else {}
    check_parts(out, {**known, "vocoder": {"settings": settings.model_dump(mode="json")}})
    about = {"imported": checkpoint.name, "sha256": sha256(checkpoint)}
    save_part(
        out, "vocoder", network, settings, about, precision, extra={"name": HifiGanVocoder.name}
    )


def read_config(path: Path) -> HifiGanVocoder.Config:
    """Return the settings that a published ``config.json`` means.

    Raises:
        CheckpointError: it is missing, no JSON, or lacks what a generator needs.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return PublishedConfig.model_validate(told).settings()
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: is missing; it came with the checkpoint, give it by --config"
        ) from None
    except ValidationError as fault:
        raise CheckpointError(f"{path}: {first_fault(fault)}") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault}") from None


def read_generator(path: Path) -> dict[str, Tensor]:
    """Return the weights of a published generator; nothing but tensors is read of the file.

    Raises:
        CheckpointError: it is missing, holds more than tensors, or no generator.
    """
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as fault:
        told = shorten(str(fault), 200, placeholder=" ...")
        raise CheckpointError(f"{path}: is no checkpoint of weights alone: {told}") from None
    weights = held.get("generator", held) if isinstance(held, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(w, Tensor) for w in weights.values()):
        has = f"it has {', '.join(map(str, held))}" if isinstance(held, dict) else "it has no names"
        raise CheckpointError(
            f"{path}: holds no generator ({shorten(has, 100)}); take the file g_..., not do_..."
        )
    if bad := [name for name, value in weights.items() if not torch.isfinite(value).all()]:
        raise CheckpointError(f"{path}: is damaged; {bad[0]} is not finite")
    return weights


def folded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights without weight normalisation: direction times length (Salimans 2016)."""
    out = dict(weights)
    for length_name, direction_name in NORMS:
        for name in [name for name in weights if name.endswith(f".{length_name}")]:
            layer = name.removesuffix(length_name)
            if layer + direction_name not in out:
                raise CheckpointError(f"the checkpoint has {name} without {direction_name}")
            length, direction = out.pop(name), out.pop(layer + direction_name)
            axes = tuple(range(1, direction.ndim))
            norm = torch.linalg.vector_norm(direction, dim=axes, keepdim=True)
            out[f"{layer}weight"] = direction * (length / norm)
    return out
