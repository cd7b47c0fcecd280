"""Mel spectrograms of a dataset's audio, computed once and kept beside the training run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import read_audio, resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.data.store import Dataset, Record
from muze.report import Report


def dataset_mels(
    dataset: Dataset, settings: MelSettings, cache: Path, report: Report
) -> list[NDArray[np.float16]]:
    """Return every track's log-mel (num_mels, T) as float16, memory-mapped from ``cache``.

    A spectrogram is kept under the hash of its settings and of the audio file's path, size and
    time of change; what is there already is not computed again.
    """
    cache.mkdir(parents=True, exist_ok=True)
    advance = report.task("mel spectrograms", len(dataset.tracks))
    out = []
    for record in dataset.tracks:
        path = cache / f"{identity(dataset, record, settings)}.npy"
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                mel = log_mel_array(_samples(dataset, record, settings), settings)
                np.save(file, mel.astype(np.float16))
            os.replace(part, path)
        out.append(np.load(path, mmap_mode="r"))
        advance()
    return out


def identity(dataset: Dataset, record: Record, settings: MelSettings) -> str:
    """Return what names a track's spectrogram: a hash of the file as it lies and the settings."""
    audio = dataset.audio(record)
    stat = audio.stat()
    told = f"{audio.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{settings.model_dump_json()}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _samples(dataset: Dataset, record: Record, settings: MelSettings) -> NDArray[np.float32]:
    audio = resample(read_audio(dataset.audio(record)), settings.sample_rate)
    return np.ascontiguousarray(audio.mono)
