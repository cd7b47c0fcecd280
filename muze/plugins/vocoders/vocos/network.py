"""The Vocos network (Siuzdak 2023, arXiv:2306.00814), on muze's mel frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from muze.audio.mel import MelSettings
from muze.audio.torchaudio_import import torchaudio_import

if TYPE_CHECKING:
    from muze.plugins.vocoders.vocos import VocosVocoder

# Shapes: B batch, M mel bands, T mel frames

GAIN = 4.0  # vocos caps a bin's magnitude at 100; a full-scale sine reaches n_fft / 4 = 256


class VocosNetwork(nn.Module):
    """A stack of ConvNeXt blocks over mel frames, then one inverse STFT.

    Its frames lie as the mel's do: frame t is centred at (t + 0.5) * hop_length, so T frames
    give T * hop_length samples.
    """

    def __init__(self, config: VocosVocoder.Config, mel: MelSettings) -> None:
        super().__init__()
        torchaudio_import()  # vocos imports torchaudio
        from vocos.heads import ISTFTHead
        from vocos.models import VocosBackbone

        self.hop_length = mel.hop_length
        # three frames a convolution, then the frames whose windows overlap
        self.context = 3 * (config.num_layers + 1) + mel.n_fft // mel.hop_length + 1
        """Frames to each side that a sample depends on."""
        self.backbone = VocosBackbone(
            mel.num_mels, config.dim, config.intermediate_dim, config.num_layers
        )
        self.head = ISTFTHead(config.dim, mel.n_fft, mel.hop_length, padding="same")
        with torch.no_grad():
            self.head.out.bias[: mel.n_fft // 2 + 1] -= math.log(GAIN)

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, M, T) natural-log mel magnitudes to (B, T * hop_length) samples."""
        hidden = self.backbone(log_mel)
        with torch.autocast(log_mel.device.type, enabled=False):  # there is no bf16 inverse FFT
            samples: Tensor = GAIN * self.head(hidden.float())
        return samples


def build(config: VocosVocoder.Config) -> VocosNetwork:
    """Return the network of ``config`` with fresh weights, for muze's mel."""
    return VocosNetwork(config, MelSettings())
