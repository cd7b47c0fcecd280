"""The key of a recording, by correlating its mean chroma with key profiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muze.analysis.chroma import semitones
from muze.analysis.sound import hear
from muze.core.grid import Audio
from muze.core.theory import Key

MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""Albrecht & Shanahan 2013, "The use of large corpora to train a new type of key-finding algorithm"."""


def estimate_key(audio: Audio) -> Key | None:
    """Return the major or minor key heard; None where nothing sounds."""
    sound = hear(audio)
    if sound.silent:
        return None
    return match_key(mean_chroma(semitones(sound)))


def mean_chroma(spectrum: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average semitone magnitudes (84, N), each moment weighing the same, into (12,)."""
    level = np.sqrt(spectrum[12:72].astype(float))  # C2 to B6; roots so that one instrument rules not
    chroma = level.reshape(5, 12, -1).sum(axis=0)
    sounding = chroma.sum(axis=0) > 0.05 * chroma.sum(axis=0).max()
    chroma = chroma[:, sounding] / chroma[:, sounding].sum(axis=0)
    mean: NDArray[np.float64] = chroma.mean(axis=1)
    return mean


def match_key(chroma: NDArray[np.float64]) -> Key:
    """Return the key whose profile correlates best with a mean chroma (12,)."""
    fits = [
        np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]
        for profile in (MAJOR, MINOR)
        for tonic in range(12)
    ]
    return Key.of_index(int(np.nanargmax(fits)))
