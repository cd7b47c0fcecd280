"""The Vocos network (Siuzdak 2023, arXiv:2306.00814), on muze's mel frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.audio.mel import MelSettings
from muze.audio.torchaudio_import import torchaudio_import

if TYPE_CHECKING:
    from muze.plugins.vocoders.vocos import VocosVocoder

# Shapes: B batch, M mel bands, T mel frames

LOUDEST = 6.0  # log magnitude; a full-scale sine reaches n_fft / 4 = 256
LOWEST, OCTAVES, STEPS = 32.703, 8, 36  # C1 up to 8.4 kHz, no partial further off than 17 cents
GOLDEN = (5**0.5 - 1) / 2  # turns between the starts of neighbours, so that no two begin together
QUIET = -9.0  # log amplitude of every tone before training


class Tones(nn.Module):
    """A bank of steady oscillators, three a semitone, whose amplitudes change from frame to frame.

    A convolutional network gives constant output for a constant mel, and an inverse STFT of
    constant frames holds only multiples of the frame rate, 100 Hz: by itself Vocos cannot sustain a
    chord. Oscillators that run on can (as the source of neural source-filter models does, Wang et
    al. 2019, arXiv:1904.12088, here for many pitches at once).
    """

    basis: Tensor

    def __init__(self, dim: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        count, self.hop_length = OCTAVES * STEPS, hop_length
        hertz = LOWEST * 2 ** (torch.arange(count, dtype=torch.float64) / STEPS)
        self.amplitude = nn.Linear(dim, count)
        nn.init.zeros_(self.amplitude.weight)
        nn.init.constant_(self.amplitude.bias, QUIET)
        # the window of two hops fades each frame into the next: a straight sum of one
        angles = 2 * math.pi * hertz[:, None] / sample_rate * torch.arange(-hop_length, hop_length)
        window = torch.hann_window(2 * hop_length, dtype=torch.float64)
        basis = torch.cat([window * angles.cos(), -window * angles.sin()])
        self.register_buffer("basis", basis.float()[:, None], persistent=False)
        self.turns = hertz * hop_length / sample_rate  # a frame; float64, so kept on the CPU

    def forward(self, hidden: Tensor, first: int) -> Tensor:
        """(B, T, dim), the first frame being number ``first``, to (B, T * hop_length) samples."""
        amplitude = self.amplitude(hidden).clamp(max=1.0).exp().transpose(1, 2)
        at = first + 0.5 + torch.arange(hidden.shape[1], dtype=torch.float64)
        start = torch.arange(len(self.turns)) * GOLDEN
        phase = (2 * math.pi * ((self.turns[:, None] * at + start[:, None]) % 1)).to(amplitude)
        told = torch.cat([amplitude * phase.cos(), amplitude * phase.sin()], dim=1)
        half = self.hop_length // 2
        samples = F.conv_transpose1d(told, self.basis, stride=self.hop_length)
        return samples[:, 0, half : samples.shape[-1] - half]


class VocosNetwork(nn.Module):
    """A stack of ConvNeXt blocks over mel frames, then one inverse STFT, and steady tones.

    Its frames lie as the mel's do: frame t is centred at (t + 0.5) * hop_length, so T frames
    give T * hop_length samples. Each frame's phases are turned together by an angle of its own,
    which leaves attacks as they are, and what the tones should sustain to the tones: frames in
    step would ring at every multiple of the frame rate.
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
        self.tones = Tones(config.dim, mel.sample_rate, mel.hop_length)

    def forward(self, log_mel: Tensor, first: int = 0) -> Tensor:
        """(B, M, T) natural-log mel magnitudes to (B, T * hop_length) samples.

        ``first`` is the number of the first frame in the song, where tones and angles run on.
        """
        hidden = self.backbone(log_mel)
        with torch.autocast(log_mel.device.type, enabled=False):  # there is no bf16 inverse FFT
            hidden = hidden.float()
            samples: Tensor = self._frames(hidden, first) + self.tones(hidden, first)
        return samples

    def _frames(self, hidden: Tensor, first: int) -> Tensor:
        """The inverse STFT of what the head says of each frame (B, T, dim), as Vocos makes it."""
        magnitude, phase = self.head.out(hidden).transpose(1, 2).chunk(2, dim=1)
        angle = _angles(first, hidden.shape[1]).to(phase)
        spectrum = torch.polar(magnitude.clamp(max=LOUDEST).exp(), phase + angle)
        samples: Tensor = self.head.istft(spectrum)
        return samples


def _angles(first: int, count: int) -> Tensor:
    """A number in [0, 2 pi) for each frame, the same for the same frame of any song."""
    generator = torch.Generator().manual_seed(0)
    return 2 * math.pi * torch.rand(first + count, generator=generator)[first:]


def build(config: VocosVocoder.Config) -> VocosNetwork:
    """Return the network of ``config`` with fresh weights, for muze's mel."""
    return VocosNetwork(config, MelSettings())
