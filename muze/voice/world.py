"""A voice taken apart and put together again: pitch, spectral envelope, noise (WORLD)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import NotInstalledError
from muze.core.grid import Audio

Floats = NDArray[np.float64]

PERIOD = 0.005
"""Seconds from frame to frame."""
LOWEST, HIGHEST = 60.0, 700.0
"""Hz between which speech is looked for."""
SILENCE = 1e-12
"""Power of a frame in which nothing sounds; WORLD takes no zero."""
OPENED = 10
"""Frames around a moment at which a vowel without a pitch looks for one: 50 ms."""


@dataclass(frozen=True)
class Frames:
    """A voice every 5 ms: Hz (T,), 0 unvoiced; power spectrum and aperiodicity (T, bins)."""

    hz: Floats
    spectrum: Floats
    noise: Floats
    sample_rate: int


def check_installed() -> None:
    """Raise ``NotInstalledError`` where pyworld is not there."""
    from importlib.util import find_spec

    if find_spec("pyworld") is None:
        raise NotInstalledError('singing needs pyworld: pip install "muze[singing]"')


def _world() -> Any:  # Any: a module without types
    with warnings.catch_warnings():
        # that pkg_resources goes away is no user's concern; the extra pins setuptools for it
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        import pyworld
    return pyworld


def take_apart(audio: Audio) -> Frames:
    """Return the frames of a voice (Morise et al. 2016: Harvest, CheapTrick, D4C).

    Raises:
        NotInstalledError: pyworld is not there.
    """
    check_installed()
    pyworld = _world()
    samples = np.ascontiguousarray(audio.mono, np.float64)
    rate, period = audio.sample_rate, 1000 * PERIOD
    found, times = pyworld.harvest(samples, rate, LOWEST, HIGHEST, period)
    hz = pyworld.stonemask(samples, found, times, rate)
    spectrum = pyworld.cheaptrick(samples, hz, times, rate)
    # whether a frame has a pitch is told by Harvest, not by how much noise there is
    noise = pyworld.d4c(samples, hz, times, rate, threshold=0.0)
    return Frames(hz, spectrum, noise, rate)


def warp(frames: Frames, seconds: Floats, voiced: NDArray[np.bool_]) -> Frames:
    """Return the frames at some moments of the voice, which ``voiced`` says have a pitch.

    Where the voice has none at such a moment, as in a creak, the nearest frame that has one is
    taken, within 50 ms; farther from any, the sound is given the noise that is usual of this voice.
    """
    last = len(frames.hz) - 1
    at = np.clip(seconds / PERIOD, 0, last)
    has = frames.hz > 0
    nearest = np.round(at).astype(int)
    if has.any():
        voiced_frames = np.flatnonzero(has)
        after = np.clip(np.searchsorted(voiced_frames, nearest), 0, len(voiced_frames) - 1)
        before = np.maximum(after - 1, 0)
        closer = np.abs(voiced_frames[before] - nearest) < np.abs(voiced_frames[after] - nearest)
        found = np.where(closer, voiced_frames[before], voiced_frames[after])
        lacks = voiced & ~has[nearest] & (np.abs(found - nearest) <= OPENED)
        at = np.where(lacks, found, at)
    low = np.floor(at).astype(int)
    high, share = np.minimum(low + 1, last), (at - low)[:, None]
    # of frames with and without a pitch, none lies between: the nearer one is taken
    share = np.where((has[low] != has[high])[:, None], np.round(share), share)
    spectrum = np.exp((1 - share) * np.log(frames.spectrum[low])
                      + share * np.log(frames.spectrum[high]))  # fmt: skip
    noise = (1 - share) * frames.noise[low] + share * frames.noise[high]
    pitched = np.where(share[:, 0] < 0.5, frames.hz[low], frames.hz[high])
    creaks = voiced & (pitched == 0)
    if creaks.any() and has.any():
        noise[creaks] = np.median(frames.noise[has], axis=0)
        pitched = np.where(creaks, np.median(frames.hz[has]), pitched)
    return Frames(pitched, spectrum, noise, frames.sample_rate)


def put_together(frames: Frames) -> NDArray[np.float32]:
    """Return the sound of frames, (n,) samples, 5 ms a frame."""
    pyworld = _world()
    samples = pyworld.synthesize(
        np.ascontiguousarray(frames.hz),
        np.ascontiguousarray(np.maximum(frames.spectrum, SILENCE)),
        np.ascontiguousarray(frames.noise),
        frames.sample_rate,
        1000 * PERIOD,
    )
    return np.asarray(samples, np.float32)
