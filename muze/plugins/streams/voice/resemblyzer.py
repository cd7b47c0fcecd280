"""Resemblyzer (GE2E, Wan et al. 2018): 256 numbers of a voice; its weights are in its package."""

from __future__ import annotations

import warnings
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.device import listening_device
from muze.analysis.embeddings import unit
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio

RATE = 16_000
SHORTEST = 0.8
"""Seconds that must sound like a voice: half of what the network hears at once."""


def voiced(audio: Audio) -> NDArray[np.float32] | None:
    """Return what sounds like a voice, mono at 16 kHz; None where that is less than 0.8 s."""
    import soxr

    samples = soxr.resample(audio.mono, audio.sample_rate, RATE)
    found = np.asarray(_library().preprocess_wav(np.clip(samples, -1, 1)), np.float32)
    return found if len(found) >= SHORTEST * RATE else None


def embed_voice(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the embedding of voiced samples at 16 kHz, shape (256,) and of length 1."""
    return unit(_network().embed_utterance(samples))


def version() -> str:
    """Return the version of the package."""
    from importlib.metadata import version

    _library()
    return version("resemblyzer")


@lru_cache(maxsize=1)
def _network() -> Any:  # a class without types
    return _library().VoiceEncoder(listening_device(), verbose=False).eval()


def _library() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what setuptools and SciPy deprecate
        try:
            import resemblyzer
        except ModuleNotFoundError as fault:
            raise NotInstalledError(
                f'stream voice needs {fault.name}: pip install "muze[voice]" (a C compiler builds '
                "webrtcvad, and setuptools must be below 81)"
            ) from None
    library: ModuleType = resemblyzer
    return library
