"""Sound read a piece at a time, as one channel at one rate: memory for what is kept, no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from muze.audio.io import is_cut_short, read_audio, resample
from muze.core.errors import AudioError
from muze.core.grid import Audio

PIECE = 1 << 20
"""Samples read at once."""


@dataclass(frozen=True)
class Mono:
    """One channel of a file's sound, and what the file itself is."""

    audio: Audio
    sample_rate: int
    channels: int
    duration: float
    """Seconds, as the file has them."""


def read_mono(path: Path, sample_rate: int) -> Mono:
    """Return the mean of a file's channels at a rate (libsoxr, high quality).

    What soundfile cannot read is read whole, through ffmpeg.

    Raises:
        AudioError: as ``read_audio``.
    """
    try:
        with path.open("rb") as opened, closing(soundfile.SoundFile(opened)) as file:
            return _streamed(file, path, sample_rate)
    except (OSError, soundfile.LibsndfileError):
        whole = read_audio(path)  # by ffmpeg, or it says what is wrong
    mono = resample(Audio(whole.mono[None], whole.sample_rate), sample_rate)
    return Mono(mono, whole.sample_rate, len(whole.samples), whole.duration)


def _streamed(file: soundfile.SoundFile, path: Path, sample_rate: int) -> Mono:
    num_read = 0

    def pieces() -> Iterator[NDArray[np.float32]]:
        nonlocal num_read
        stream = soxr.ResampleStream(file.samplerate, sample_rate, 1, quality="HQ")
        for block in file.blocks(PIECE // file.channels, dtype="float32", always_2d=True):
            if not np.isfinite(block).all():
                raise AudioError(f"{path}: holds samples that are no numbers")
            num_read += len(block)
            yield stream.resample_chunk(block.mean(axis=1))
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)

    samples = np.concatenate([*pieces()]).astype(np.float32, copy=False)
    if is_cut_short(file, num_read):
        raise AudioError(f"{path}: is cut short; only {num_read} samples are there")
    if num_read == 0:
        raise AudioError(f"{path}: holds no sound")
    duration = num_read / file.samplerate
    return Mono(Audio(samples[None], sample_rate), file.samplerate, file.channels, duration)
