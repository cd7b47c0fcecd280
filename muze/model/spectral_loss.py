"""Losses between waveforms, or mel spectrograms, on spectra of several resolutions.

auraloss has the first too, over the whole batch at once; here each example counts by itself, so
that the shares of a batch add up to it, in one process or in several. A test holds both equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from muze.audio.mel import MelSettings, log_mel

RESOLUTIONS = ((2048, 256), (1024, 160), (512, 80), (256, 40))
"""Window and hop of each spectrogram, in samples."""
AUDIBLE = 1e-3
"""Smallest magnitude a training compares, 12 dB above the noise of 16 bits: what is below is in no
mel, and its logarithms would outweigh what is heard."""
MEL_RESOLUTIONS = ((64, 16), (32, 8), (16, 4))
"""Window and hop, in mel frames of 10 ms, of the spectra of each mel band's rise and fall."""
MEL_FLOOR = 0.1
"""Their smallest magnitude, a fiftieth of what noise of deviation 1 has: a band that is silent, or
steady, says nothing by how exactly it is so."""


def multi_resolution_stft(
    made: Tensor,
    wanted: Tensor,
    resolutions: Sequence[tuple[int, int]] = RESOLUTIONS,
    floor: float = 1e-5,
) -> Tensor:
    """Return spectral convergence plus L1 of log magnitudes, averaged over the resolutions.

    Both are waveforms (B, n) (Yamamoto et al. 2020, Parallel WaveGAN, equations 4-6), or (B, C, n):
    then the convergence is that of all channels together. Magnitudes below ``floor`` are alike.
    """
    total = made.new_zeros(())
    for n_fft, hop in resolutions:
        ours, theirs = (_magnitudes(samples, n_fft, hop) for samples in (made, wanted))
        least = floor * theirs[0].numel() ** 0.5  # or silence would outweigh everything
        norm = torch.linalg.vector_norm(theirs, dim=(1, 2)).clamp(min=least)
        convergence = torch.linalg.vector_norm(theirs - ours, dim=(1, 2)) / norm
        logs = (ours.clamp(min=floor).log() - theirs.clamp(min=floor).log()).abs()
        total = total + convergence.clamp(max=3).mean() + logs.mean()
    return total / len(resolutions)


def log_mel_distance(made: Tensor, wanted: Tensor, settings: MelSettings) -> Tensor:
    """Return the L1 distance of log-mel spectrograms of waveforms (B, n)."""
    return (log_mel(made, settings) - log_mel(wanted, settings)).abs().mean()


def _magnitudes(samples: Tensor, n_fft: int, hop: int) -> Tensor:
    """(B, n) or (B, C, n) to (B, bins, frames), the bins of all channels below each other."""
    flat = samples.reshape(-1, samples.shape[-1])
    window = torch.hann_window(n_fft, device=samples.device)
    spectrum = torch.stft(flat, n_fft, hop, window=window, return_complex=True)
    found = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
    return found.reshape(len(samples), -1, found.shape[-1])
