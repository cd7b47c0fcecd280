"""The log-mel spectrogram every network of muze speaks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from muze.core.mel import MelSettings as MelSettings  # taken from here by whoever computes one

PIECE = 1000  # frames computed at once; memory stays the same however long the sound


@lru_cache(maxsize=4)
def mel_filters(settings: MelSettings) -> Tensor:
    """Slaney-style triangular filters of area one, shape (num_mels, n_fft / 2 + 1)."""
    from librosa.filters import mel

    filters = mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.num_mels,
        fmin=settings.f_min,
        fmax=settings.f_max,
    )
    return torch.from_numpy(filters)


def magnitudes(samples: Tensor, settings: MelSettings) -> Tensor:
    """(B, n) samples to (B, n_fft / 2 + 1, n // hop_length) STFT magnitudes.

    Frame t is centred at (t + 0.5) * hop_length, so n samples give exactly n // hop_length frames.
    """
    pad = (settings.n_fft - settings.hop_length) // 2
    padded = F.pad(samples[:, None], (pad, pad), mode="reflect")[:, 0]
    spectrum = torch.stft(
        padded,
        settings.n_fft,
        settings.hop_length,
        window=torch.hann_window(settings.n_fft, device=samples.device),
        center=False,
        return_complex=True,
    )
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-12)


def log_mel(samples: Tensor, settings: MelSettings) -> Tensor:
    """(B, n) samples in [-1, 1] to (B, num_mels, n // hop_length) natural-log mel magnitudes."""
    with torch.autocast(samples.device.type, enabled=False):  # bf16 would tell levels apart by .5 %
        mel = mel_filters(settings).to(samples.device) @ magnitudes(samples.float(), settings)
        return torch.log(mel.clamp(min=settings.floor))


def log_mel_array(samples: NDArray[np.float32], settings: MelSettings) -> NDArray[np.float32]:
    """(n,) samples to (num_mels, n // hop_length) natural-log mel magnitudes.

    Computed in pieces with as much sound around them as a frame's window sees, so the seams are
    exact.
    """
    hop, num_frames = settings.hop_length, len(samples) // settings.hop_length
    context = settings.n_fft // hop + 1
    spectrogram = np.empty((settings.num_mels, num_frames), np.float32)
    for first in range(0, num_frames, PIECE):
        low, last = max(first - context, 0), min(first + PIECE, num_frames)
        # what is left after the last frame is heard by the last frames too
        end = (last + context) * hop if last + context < num_frames else len(samples)
        with torch.no_grad():
            piece = log_mel(torch.from_numpy(samples[None, low * hop : end]), settings)[0].numpy()
        spectrogram[:, first:last] = piece[:, first - low : last - low]
    return spectrogram
