"""Vocos vocoder: a small network that gives an STFT's magnitude and phase in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze import hookimpl
from muze.core.errors import CheckpointError, PluginError
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.vocoders.vocos.network import VocosNetwork

PIECE = 1024  # frames rendered at once; memory stays the same however long the song


class VocosVocoder:
    """Sound by a trained Vocos network; its weights belong to a model."""

    name: ClassVar = "vocos"
    api: ClassVar = 1

    class Config(Settings):
        """Size of the network; saved in the checkpoint."""

        dim: int = Field(256, ge=8, description="Channels.")
        intermediate_dim: int = Field(768, ge=8, description="Channels inside a block.")
        num_layers: int = Field(8, ge=1, description="Number of ConvNeXt blocks.")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.network: VocosNetwork | None = None

    def load(self, weights: Path | None) -> None:
        """Build the network with the weights of a safetensors file.

        Raises:
            PluginError: no weights given; this vocoder makes no sound without.
            CheckpointError: the file is missing, damaged, or of another size.
        """
        if weights is None:
            raise PluginError(
                "vocoder vocos needs weights and this model has none; use griffin_lim"
            )
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from muze.plugins.vocoders.vocos.network import build

        network = build(self.config)
        try:
            network.load_state_dict(load_file(weights))
        except (OSError, SafetensorError, RuntimeError) as fault:
            raise CheckpointError(
                f"{weights}: no weights for vocos {self.config}: {fault}"
            ) from None
        self.network = network.eval()

    def render(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """(num_mels, T) natural-log mel magnitudes to (T * hop_length,) samples.

        Rendered in pieces with as much context as the network sees, so the seams are exact.
        """
        import torch

        if self.network is None:
            raise PluginError("vocoder vocos was asked to render before its weights were loaded")
        hop, context, num_frames = self.network.hop_length, self.network.context, log_mel.shape[1]
        rendered = np.empty(num_frames * hop, np.float32)
        for first in range(0, num_frames, PIECE):
            last = min(first + PIECE, num_frames)
            low, high = max(first - context, 0), min(last + context, num_frames)
            with torch.inference_mode():
                piece = self.network(torch.from_numpy(log_mel[None, :, low:high]), low)[0].numpy()
            rendered[first * hop : last * hop] = piece[(first - low) * hop : (last - low) * hop]
        return rendered


@hookimpl
def muze_vocoders() -> list[type[VocosVocoder]]:
    """Offer the Vocos vocoder."""
    return [VocosVocoder]
