"""What the beat network listens to."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from muze.analysis.chroma import HOP as CHROMA_HOP
from muze.analysis.chroma import semitones
from muze.analysis.onsets import log_mel
from muze.analysis.sound import RATE, Sound

FRAME_RATE = 50
NUM_FEATURES = 60


@lru_cache(maxsize=4)
def beat_features(sound: Sound) -> NDArray[np.float32]:
    """Return 48 log-mel bands and 12 chroma at 50 Hz, each about 0 to 1, shape (60, N)."""
    level = log_mel(sound)
    count = level.shape[1] // 2
    bands = level[:, : 2 * count].reshape(level.shape[0], count, 2).mean(axis=2)
    pitches = np.log1p(100 * semitones(sound)[12:72]).reshape(5, 12, -1).sum(axis=0)
    chroma = pitches / (np.linalg.norm(pitches, axis=0).mean() + 1e-6)
    at = (np.arange(count) + 0.5) / FRAME_RATE * RATE / CHROMA_HOP
    index = np.minimum(np.round(at).astype(int), chroma.shape[1] - 1)
    return np.asarray(np.concatenate([bands, chroma[:, index]]), np.float32)
