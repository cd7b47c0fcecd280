"""Musicnn, a network that tags music, as an embedding of sound (Pons and Serra 2019).

Its weights come from the package of that name (ISC licence), read without its TensorFlow.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from muze.audio.io import resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.evaluation.tf_checkpoint import read_checkpoint

MODEL = "MSD_musicnn"
"""Trained on the tags of the Million Song Dataset."""
RATE, HOP, N_FFT, NUM_MELS = 16_000, 256, 512, 96
FRAMES = 187
"""Of a window: the 3 s that it was trained on."""
EPSILON = 1e-3  # of TensorFlow's batch normalisation
BATCH = 16
Weights = dict[str, Tensor]


def embedding_name() -> str:
    """Return what the embeddings are called; those of another name cannot be compared."""
    _find()
    return f"{MODEL} penultimate (musicnn {version('musicnn')})"


def embed(audio: Audio) -> NDArray[np.float64]:
    """Return an embedding of each whole 3 s, shape (N, 200), of which there may be none.

    Raises:
        NotInstalledError: the package is missing; says how to get it.
    """
    weights = _weights(_find())
    windows = _windows(audio)
    starts = range(0, len(windows), BATCH)
    found = [_forward(torch.from_numpy(windows[k : k + BATCH]), weights) for k in starts]
    if not len(windows):
        return np.zeros((0, 200))
    return torch.cat(found).numpy().astype(float)


def _find() -> Path:
    found = importlib.util.find_spec("musicnn")  # does not run it: it would import TensorFlow
    if found is None or not found.submodule_search_locations:
        raise NotInstalledError(
            "Frechet distances need the weights in musicnn: pip install --no-deps musicnn==0.1.0 "
            "(the TensorFlow that it asks for is not used)"
        )
    return Path(next(iter(found.submodule_search_locations)))


@lru_cache(maxsize=1)
def _weights(package: Path) -> Weights:
    arrays = read_checkpoint(package / MODEL)
    return {name: torch.from_numpy(a.copy()) for name, a in arrays.items() if "Adam" not in name}


def _windows(audio: Audio) -> NDArray[np.float32]:
    """Return log-mels (N, 187, 96) as the network was trained on."""
    from librosa.feature import melspectrogram

    samples = resample(Audio(audio.mono[None], audio.sample_rate), RATE).samples[0]
    power = melspectrogram(y=samples, sr=RATE, hop_length=HOP, n_fft=N_FFT, n_mels=NUM_MELS).T
    log_mel = np.log10(10_000 * power.astype(np.float16).astype(np.float32) + 1)
    count = len(log_mel) // FRAMES
    whole: NDArray[np.float32] = log_mel[: count * FRAMES].astype(np.float32)
    return whole.reshape(count, FRAMES, NUM_MELS)


@torch.inference_mode()
def _forward(log_mels: Tensor, weights: Weights) -> Tensor:
    """Return the penultimate layer (B, 200) of log-mels (B, T, F), as ``build_musicnn``."""
    # Shapes: B batch, T frames, F bands or features; TensorFlow has channels last
    x = _norm(log_mels[:, None], weights, 0)
    front = []
    pads = [(3, 3)] * 2 + [((high - 1) // 2, high // 2) for high in (128, 64, 32)]
    for number, pad in enumerate(pads):
        found = _norm(_conv(F.pad(x, (0, 0, *pad)), weights, number), weights, number + 1)
        front.append(found.amax(dim=3))  # over all bands
    features = torch.cat(front, dim=1).transpose(1, 2)  # (B, T, F)
    layers = [features]
    for number in (5, 6, 7):
        padded = F.pad(layers[-1][:, None], (0, 0, 3, 3))
        found = _norm(_conv(padded, weights, number), weights, number + 1)[..., 0].transpose(1, 2)
        layers.append(found if number == 5 else found + layers[-1])
    dense = torch.cat(layers, dim=2)
    pooled = torch.stack([dense.amax(dim=1), dense.mean(dim=1)], dim=2).flatten(1)
    hidden = _norm(pooled, weights, 9) @ weights["dense/kernel"] + weights["dense/bias"]
    return _norm(F.relu(hidden), weights, 10)


def _conv(x: Tensor, weights: Weights, number: int) -> Tensor:
    name = f"conv2d_{number}" if number else "conv2d"
    kernel = weights[f"{name}/kernel"].permute(3, 2, 0, 1)
    return F.relu(F.conv2d(x, kernel, weights[f"{name}/bias"]))


def _norm(x: Tensor, weights: Weights, number: int) -> Tensor:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    mean, variance, gamma, beta = (
        weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    return F.batch_norm(x, mean, variance, gamma, beta, eps=EPSILON)
