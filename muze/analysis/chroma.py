"""Chroma: how strongly each pitch class sounds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import RATE, Sound

HOP = 1024  # 43 ms
OCTAVES = 7
BINS = 36  # an octave; three a semitone, so that a voice a little off still falls in the middle one


@lru_cache(maxsize=4)
def semitones(sound: Sound) -> NDArray[np.float32]:
    """Return the constant-Q magnitude of each semitone from C1 on, every 43 ms, shape (84, N)."""
    import librosa

    shortest = 1024 << (OCTAVES - 1)  # samples are halved octave by octave down to one window
    samples = np.pad(sound.samples, (0, max(0, shortest - len(sound.samples))))
    cqt = np.abs(
        librosa.cqt(
            samples,
            sr=RATE,
            hop_length=HOP,
            fmin=librosa.note_to_hz("C1"),
            n_bins=OCTAVES * BINS,
            bins_per_octave=BINS,
        )
    )
    # one semitone's three bins: the one below, its own, the one above
    rolled = np.pad(cqt, ((1, 1), (0, 0)))[:-2].reshape(12 * OCTAVES, BINS // 12, -1)
    return rolled.max(axis=1).astype(np.float32)
