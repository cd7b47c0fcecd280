"""Pitch trackers by name: how high one voice is at every frame, and whether it sounds."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.analysis.device import listening_device
from muze.analysis.octaves import settle_octaves
from muze.analysis.sound import RATE, Sound, hear
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio, TimeGrid

Extractor = Literal["swift_f0", "pyin", "crepe", "crepe_tiny"]
Tracked = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Hz (T,), 0 where unvoiced; and whether a frame is voiced, (T,)."""
Raw = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]
"""Seconds from the start of the sound, Hz and voiced, of a tracker's own frames."""

SAMPLE_RATE = 16000  # what all of them listen at
HOP = 160  # 10 ms
LOWEST, HIGHEST = 32.703, 2093.0  # C1 to C7
SILENT = 1e-3  # -60 dBFS: where no sample of a frame is above it, nothing is voiced
JUMP = 1 / 12  # octaves between two frames that are two notes and no glide
PERIODICITY = 0.5  # of CREPE, above which a frame is voiced; measured, see docs/streams.md
LIBRARIES = {
    "swift_f0": "swift-f0", "pyin": "librosa", "crepe": "torchcrepe", "crepe_tiny": "torchcrepe",
}  # fmt: skip
LABELS = {
    "swift_f0": "SwiftF0, octaves by autocorrelation", "pyin": "pYIN",
    "crepe": "CREPE full", "crepe_tiny": "CREPE tiny",
}  # fmt: skip


def track_pitch(audio: Audio, grid: TimeGrid, extractor: Extractor = "swift_f0") -> Tracked:
    """Return the pitch of the one voice in ``audio`` at each frame of the grid, C1 to C7.

    ``swift_f0``: Nieradzik 2025 (arXiv:2508.18440), its octaves settled by autocorrelation;
    ``pyin``: Mauch & Dixon 2014; ``crepe``, ``crepe_tiny``: Kim et al. 2018 (arXiv:1802.06182).

    Raises:
        NotInstalledError: the tracker's library is not installed.
    """
    sound = hear(audio)
    if sound.silent:
        return np.zeros(grid.frames, np.float32), np.zeros(grid.frames, bool)
    hz, voiced = at_times(grid.seconds - grid.start, *_tracked(sound, extractor))
    voiced &= _sounding(sound, grid)
    return np.where(voiced, hz, 0).astype(np.float32), voiced


def extractor_name(extractor: Extractor) -> str:
    """Return the tracker's name, its library and that one's version, as reports tell it."""
    library = LIBRARIES[extractor]
    try:
        return f"{LABELS[extractor]} ({library} {version(library)})"
    except PackageNotFoundError:
        return f"{LABELS[extractor]} ({library}, not installed)"


def at_times(
    seconds: ArrayLike, times: ArrayLike, hz: ArrayLike, voiced: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return Hz, 0 where unvoiced, and voiced, of a curve known at rising ``times``.

    A moment is voiced as the nearest one known is; its pitch lies between its neighbours', on a
    logarithmic scale, unless one of them is unvoiced or another note.
    """
    at, known = np.asarray(seconds, float), np.asarray(times, float)
    pitch, is_voiced = np.asarray(hz, float), np.asarray(voiced, bool)
    octaves = np.log2(np.where(is_voiced, np.maximum(pitch, 1e-3), 1.0))
    after = np.clip(np.searchsorted(known, at), 1, max(1, len(known) - 1))
    before, after = after - 1, np.minimum(after, len(known) - 1)
    gap = np.maximum(known[after] - known[before], 1e-9)
    share = np.clip((at - known[before]) / gap, 0, 1)
    nearest = np.where(share < 0.5, before, after)
    glides = is_voiced[before] & is_voiced[after]
    glides &= np.abs(octaves[after] - octaves[before]) < JUMP
    between = octaves[before] + share * (octaves[after] - octaves[before])
    drawn = np.exp2(np.where(glides, between, octaves[nearest]))
    return np.where(is_voiced[nearest], drawn, 0.0), is_voiced[nearest]


@lru_cache(maxsize=4)  # several streams listen for pitch in the same sound
def _tracked(sound: Sound, extractor: Extractor) -> Raw:
    import soxr

    samples = np.asarray(soxr.resample(sound.samples, RATE, SAMPLE_RATE), np.float32)
    if len(samples) < SAMPLE_RATE // 4:  # a window of each tracker
        samples = np.pad(samples, (0, SAMPLE_RATE // 4 - len(samples)))
    trackers: dict[Extractor, Callable[[NDArray[np.float32]], Raw]] = {
        "swift_f0": _swift_f0,
        "pyin": _pyin,
        "crepe": lambda x: _crepe(x, "full"),
        "crepe_tiny": lambda x: _crepe(x, "tiny"),
    }
    try:
        return trackers[extractor](samples)
    except ModuleNotFoundError as fault:
        raise _missing(extractor) from fault


def _missing(extractor: Extractor) -> NotInstalledError:
    extra = "muze[pitch]" if LIBRARIES[extractor] == "torchcrepe" else LIBRARIES[extractor]
    return NotInstalledError(
        f"pitch tracker {extractor} needs {LIBRARIES[extractor]}, which is not installed; "
        f'pip install "{extra}"'
    )


def _sounding(sound: Sound, grid: TimeGrid) -> NDArray[np.bool_]:
    """Whether anything sounds in a frame of the grid, (T,)."""
    step = round(RATE / grid.frame_rate)
    peaks = np.abs(sound.samples[: len(sound.samples) // step * step]).reshape(-1, step).max(axis=1)
    return np.pad(peaks, (0, max(0, grid.frames - len(peaks))))[: grid.frames] > SILENT


@lru_cache(maxsize=1)
def _swift():  # type: ignore[no-untyped-def]  # a class of the library's
    from swift_f0 import SwiftF0

    return SwiftF0()


def _swift_f0(samples: NDArray[np.float32]) -> Raw:
    heard = _swift().detect(samples, SAMPLE_RATE, fmax=HIGHEST)
    sure = heard.confidence >= 0.5
    # it knows no square waves and nothing below 47 Hz, where only the period tells
    hz, voiced = settle_octaves(
        samples, SAMPLE_RATE, heard.timestamps, heard.pitch_hz, sure, LOWEST, HIGHEST
    )
    return heard.timestamps, hz, voiced


def _pyin(samples: NDArray[np.float32]) -> Raw:
    from librosa import pyin

    hz, voiced, _ = pyin(
        samples, fmin=LOWEST, fmax=HIGHEST, sr=SAMPLE_RATE, frame_length=1024, hop_length=HOP
    )
    return np.arange(len(hz)) * HOP / SAMPLE_RATE, np.nan_to_num(hz), voiced


def _crepe(samples: NDArray[np.float32], model: str) -> Raw:
    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()
    import torch
    import torchcrepe

    hz, periodicity = torchcrepe.predict(
        torch.from_numpy(samples)[None],
        SAMPLE_RATE,
        hop_length=HOP,
        fmin=LOWEST,
        fmax=2006.0,  # the highest it knows
        model=model,
        batch_size=512,
        decoder=torchcrepe.decode.weighted_argmax,  # Viterbi loses whole bass lines
        device=listening_device(),
        return_periodicity=True,
    )
    pitch = np.asarray(hz[0].cpu(), float)
    voiced = np.asarray(periodicity[0].cpu()) > PERIODICITY
    return np.arange(len(pitch)) * HOP / SAMPLE_RATE, pitch, voiced
