"""What vocoders that are networks share: weights from a file, and rendering in pieces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import CheckpointError, PluginError

if TYPE_CHECKING:
    from torch import nn

Render = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
"""Mel frames (num_mels, T), the first being number ``first``, to (T * hop_length,) samples."""


def check_given(name: str, weights: Path | None) -> Path:
    """Return the file of a vocoder's weights.

    Raises:
        PluginError: there is none; such a vocoder makes no sound without.
    """
    if weights is None:
        raise PluginError(f"vocoder {name} needs weights and this model has none; use griffin_lim")
    return weights


def fill(network: nn.Module, weights: Path, told: str) -> None:
    """Give a network the weights of a safetensors file; ``told`` is what it is.

    Raises:
        CheckpointError: the file is missing, damaged, or of another size.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as fault:
        raise CheckpointError(f"{weights}: no weights for {told}: {fault}") from None


def render_pieces(
    render: Render, log_mel: NDArray[np.float32], hop_length: int, context: int, piece: int
) -> NDArray[np.float32]:
    """Return the sound of a log-mel (num_mels, T), made from ``piece`` frames at once.

    Each piece has ``context`` frames around it, as many as a sample depends on to each side, so the
    seams are exact, and memory stays the same however long the song.
    """
    num_frames = log_mel.shape[1]
    rendered = np.empty(num_frames * hop_length, np.float32)
    for first in range(0, num_frames, piece):
        last = min(first + piece, num_frames)
        low, high = max(first - context, 0), min(last + context, num_frames)
        sound = render(log_mel[:, low:high], low)
        rendered[first * hop_length : last * hop_length] = sound[
            (first - low) * hop_length : (last - low) * hop_length
        ]
    return rendered
