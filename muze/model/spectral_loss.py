"""Losses between waveforms, on spectrograms of several resolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from muze.audio.mel import MelSettings, log_mel

RESOLUTIONS = ((2048, 256), (1024, 160), (512, 80), (256, 40))
"""Window and hop of each spectrogram, in samples."""


def multi_resolution_stft(
    made: Tensor, wanted: Tensor, resolutions: Sequence[tuple[int, int]] = RESOLUTIONS
) -> Tensor:
    """Return spectral convergence plus L1 of log magnitudes, averaged over the resolutions.

    Both waveforms are (B, n) (Yamamoto et al. 2020, Parallel WaveGAN, equations 4-6).
    """
    total = made.new_zeros(())
    for n_fft, hop in resolutions:
        ours, theirs = (_magnitudes(samples, n_fft, hop) for samples in (made, wanted))
        norm = torch.linalg.vector_norm(theirs, dim=(1, 2)).clamp(min=1e-4)
        convergence = torch.linalg.vector_norm(theirs - ours, dim=(1, 2)) / norm
        logs = (ours.clamp(min=1e-5).log() - theirs.clamp(min=1e-5).log()).abs()
        total = total + convergence.clamp(max=3).mean() + logs.mean()
    return total / len(resolutions)


def log_mel_distance(made: Tensor, wanted: Tensor, settings: MelSettings) -> Tensor:
    """Return the L1 distance of log-mel spectrograms of waveforms (B, n)."""
    return (log_mel(made, settings) - log_mel(wanted, settings)).abs().mean()


def _magnitudes(samples: Tensor, n_fft: int, hop: int) -> Tensor:
    window = torch.hann_window(n_fft, device=samples.device)
    spectrum = torch.stft(samples, n_fft, hop, window=window, return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
