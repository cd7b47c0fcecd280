"""Batches of what a stream under test drew, for its encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from muze.core.grid import Features
from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder
from muze.testing.streams import SONG, StreamCase

# Shapes: B batch, C channels, T frames at 100 Hz, W latent frames, N tokens

STRIDE = 8
LATENT = SONG.frames // STRIDE
EDGE = 8  # latent frames; an encoder may look that far around each

Encoded = dict[Site, Tensor]


def collate(case: StreamCase, drawn: Sequence[Features]) -> dict[str, Tensor]:
    """Return features as a batch; tokens are padded, with ``<name>_mask`` telling the real ones."""
    batch: dict[str, Tensor] = {}
    for name, kind in case.cls.layout.items():
        arrays = [torch.from_numpy(np.array(features[name])) for features in drawn]
        if kind == "tokens":
            longest = max(1, *(len(array) for array in arrays))
            batch[f"{name}_mask"] = torch.stack(
                [torch.arange(longest) < len(array) for array in arrays]
            )
            arrays = [F.pad(array, (0, 0, 0, longest - len(array))) for array in arrays]
        batch[name] = torch.stack(arrays)
    return batch


def everywhere(batch: int) -> Tensor:
    """Return ``present`` (B, T) of songs that speak of every frame."""
    return torch.ones(batch, SONG.frames, dtype=torch.bool)


def encoder_of(case: StreamCase, seed: int = 0) -> StreamEncoder:
    """Return a fresh encoder, the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = case.stream.encoder().eval()
        for null in encoder.null.values():  # fresh nulls are zeros, which would hide a leak
            torch.nn.init.normal_(null)
    return encoder


def null_of(encoder: StreamEncoder, site: Site) -> Tensor:
    """Return the null of a site, shaped to stand beside (B, C, W), (B, N, C) or (B, C)."""
    null: Tensor = encoder.null[site]
    return null[:, None] if site == "frames" else null
