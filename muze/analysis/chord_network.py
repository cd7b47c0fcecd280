"""Chords from chroma: a two-layer network that is the same for every root."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.analysis.chroma import HOP, semitones
from muze.analysis.sound import RATE, Sound
from muze.core.theory import NO_CHORD, Chord

WEIGHTS = Path(__file__).with_name("chord_network.safetensors")
QUALITIES = ("", "m", "7", "maj7", "m7", "6", "m6", "dim", "m7b5", "sus4", "sus2", "aug")
REGISTERS = ((0, 24), (24, 36), (36, 48), (48, 60), (60, 84))
"""Semitones above C1 whose octaves are folded together: bass, three middles, treble."""
COMPRESSION = 30.0

SYMBOLS = (*(str(Chord(root, q, root)) for q in QUALITIES for root in range(12)), NO_CHORD)


def chord_likelihoods(sound: Sound, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-probabilities of ``SYMBOLS`` in each span between edges [s], shape (145, N)."""
    return network(*span_chroma(semitones(sound), edges), load_weights())


def span_chroma(
    spectrum: NDArray[np.float32], edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean chroma of each span by register, of norm 1, (N, 5, 12), and its level (N,).

    The level is 1 for the middle span of a recording, and near 0 where nothing sounds.
    """
    loud = np.percentile(spectrum.max(axis=0), 95) + 1e-9
    level = np.log1p(COMPRESSION * spectrum / loud)
    index = np.clip((edges * RATE / HOP).round().astype(int), 0, level.shape[1] - 1)
    means = np.stack(
        [level[:, a : max(a + 1, b)].mean(axis=1) for a, b in itertools.pairwise(index)]
    )
    folded = np.stack(
        [means[:, low:high].reshape(len(means), -1, 12).sum(axis=1) for low, high in REGISTERS],
        axis=1,
    )
    norm = np.linalg.norm(folded.reshape(len(folded), -1), axis=1)
    return folded / (norm[:, None, None] + 1e-6), norm / (np.median(norm) + 1e-6)


def network(
    chroma: NDArray[np.float64], level: NDArray[np.float64], weights: dict[str, NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Return log-probabilities (145, N); each root sees the chroma turned to it."""
    turned = np.stack(
        [np.roll(chroma, -root, axis=2).reshape(len(chroma), -1) for root in range(12)]
    )
    hidden = turned @ weights["in.weight"].T + weights["in.bias"]
    logits = (hidden / (1 + np.exp(-hidden))) @ weights["out.weight"].T + weights["out.bias"]
    silence = weights["silence"][0] + weights["silence"][1] * level
    rows = np.concatenate([logits.transpose(2, 0, 1).reshape(-1, len(chroma)), silence[None]])
    out: NDArray[np.float64] = rows - np.logaddexp.reduce(rows, axis=0)
    return out


@lru_cache(maxsize=1)
def load_weights() -> dict[str, NDArray[np.float32]]:
    """Return the network's weights: 2,354 numbers, trained on training songs of muze-corpus."""
    from safetensors.numpy import load_file

    weights: dict[str, NDArray[np.float32]] = load_file(WEIGHTS)
    return weights
