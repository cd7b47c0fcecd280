"""Vocos vocoder: a small network that gives an STFT's magnitude and phase in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze import hookimpl
from muze.audio.neural_vocoder import check_given, fill, render_pieces
from muze.core.errors import PluginError
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
        weights = check_given(self.name, weights)
        from muze.plugins.vocoders.vocos.network import build

        network = build(self.config)
        fill(network, weights, f"vocos {self.config}")
        self.network = network.eval()

    def render(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """(num_mels, T) natural-log mel magnitudes to (T * hop_length,) samples.

        Rendered in pieces with as much context as the network sees, so the seams are exact.
        """
        import torch

        network = self.network
        if network is None:
            raise PluginError("vocoder vocos was asked to render before its weights were loaded")

        def piece(frames: NDArray[np.float32], first: int) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(network(torch.from_numpy(frames[None]), first)[0])

        return render_pieces(piece, log_mel, network.hop_length, network.context, PIECE)


@hookimpl
def muze_vocoders() -> list[type[VocosVocoder]]:
    """Offer the Vocos vocoder."""
    return [VocosVocoder]
