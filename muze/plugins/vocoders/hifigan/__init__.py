"""HiFi-GAN vocoder: transposed convolutions from mel frames up to samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from muze import hookimpl
from muze.audio.neural_vocoder import check_given, fill, render_pieces
from muze.core.errors import PluginError
from muze.core.mel import MelSettings
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.vocoders.hifigan.network import HifiGanNetwork

PIECE = 256  # frames rendered at once


class HifiGanVocoder:
    """Sound by a HiFi-GAN generator (Kong et al. 2020); its weights belong to a model."""

    name: ClassVar = "hifigan"
    api: ClassVar = 1

    class Config(Settings):
        """Mel and size of the generator, by default the paper's V1; saved in the checkpoint."""

        mel: MelSettings = Field(
            MelSettings(), description="The mel it hears; that of the model's autoencoder."
        )
        upsample_rates: tuple[int, ...] = Field(
            (8, 5, 4, 2), description="Factors of its stages; their product is the mel's hop."
        )
        upsample_kernel_sizes: tuple[int, ...] = Field(
            (16, 11, 8, 4), description="Width of each stage's transposed convolution."
        )
        upsample_initial_channel: int = Field(
            512, ge=2, description="Channels before the first stage, halved by each; V2 has 128."
        )
        resblock: Literal[1, 2] = Field(
            1, description="Kind of residual block; 2, of the paper's V3, is smaller."
        )
        resblock_kernel_sizes: tuple[int, ...] = Field(
            (3, 7, 11), description="Widths of the residual blocks after each stage."
        )
        resblock_dilation_sizes: tuple[tuple[int, ...], ...] = Field(
            ((1, 3, 5), (1, 3, 5), (1, 3, 5)), description="Dilations of each of them."
        )

        @model_validator(mode="after")
        def _check_shape(self) -> HifiGanVocoder.Config:
            rates, kernels = self.upsample_rates, self.upsample_kernel_sizes
            if not rates or min(rates) < 1 or math.prod(rates) != self.mel.hop_length:
                raise ValueError(
                    f"upsample_rates {list(rates)} must multiply to the mel's hop_length, "
                    f"{self.mel.hop_length}"
                )
            if len(kernels) != len(rates) or any(
                kernel < rate or (kernel - rate) % 2
                for kernel, rate in zip(kernels, rates, strict=True)
            ):
                raise ValueError(
                    f"upsample_kernel_sizes {list(kernels)} must be one a stage, each its rate "
                    f"plus an even number; the rates are {list(rates)}"
                )
            if self.upsample_initial_channel % 2 ** len(rates):
                raise ValueError(
                    f"upsample_initial_channel is {self.upsample_initial_channel}; it must be a "
                    f"multiple of {2 ** len(rates)}, as each of {len(rates)} stages halves it"
                )
            sizes, dilations = self.resblock_kernel_sizes, self.resblock_dilation_sizes
            if not sizes or any(size < 1 or size % 2 == 0 for size in sizes):
                raise ValueError(f"resblock_kernel_sizes {list(sizes)} must be odd numbers")
            if len(dilations) != len(sizes) or any(not row or min(row) < 1 for row in dilations):
                raise ValueError(
                    "resblock_dilation_sizes must be a list of dilations, 1 or more, for each of "
                    "resblock_kernel_sizes"
                )
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        self.network: HifiGanNetwork | None = None

    def load(self, weights: Path | None) -> None:
        """Build the generator with the weights of a safetensors file.

        Raises:
            PluginError: no weights given; this vocoder makes no sound without.
            CheckpointError: the file is missing, damaged, or of another size.
        """
        weights = check_given(self.name, weights)
        from muze.plugins.vocoders.hifigan.network import build

        network = build(self.config)
        fill(network, weights, f"hifigan {self.config}")
        self.network = network.eval()

    def render(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """(num_mels, T) natural-log mel magnitudes to (T * hop_length,) samples.

        Rendered in pieces with as much context as the network sees, so the seams are exact.
        """
        import torch

        network = self.network
        if network is None:
            raise PluginError("vocoder hifigan was asked to render before its weights were loaded")

        def piece(frames: NDArray[np.float32], first: int) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(network(torch.from_numpy(frames[None]), first)[0])

        return render_pieces(piece, log_mel, network.hop_length, network.context, PIECE)


@hookimpl
def muze_vocoders() -> list[type[HifiGanVocoder]]:
    """Offer the HiFi-GAN vocoder."""
    return [HifiGanVocoder]
