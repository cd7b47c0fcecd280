"""Crops of sound of which a vocoder learns, read from the files as they are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from muze.core.errors import DatasetError
from muze.core.mel import MelSettings
from muze.data.crops import Crop, draw_crops
from muze.data.store import Dataset

if TYPE_CHECKING:
    from muze.pipelines.vocoder_settings import TrainingSettings

SPECTRA = ((4096, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64))
"""Window and hop of the spectra compared; the longest tells neighbouring low notes apart."""
MOST_FRAMES = 1 << 16  # crops begin anywhere within 11 minutes, as the network counts frames
NUM_SPECTRA = 2  # a step, drawn anew: comparing all of them costs more than the network


@dataclass(frozen=True)
class Crops:
    """Some tracks whose sound is read crop by crop."""

    dataset: Dataset
    settings: TrainingSettings
    mel: MelSettings

    @property
    def lengths(self) -> list[int]:
        """Mel frames of each track."""
        return [int(r["duration"] * self.mel.frame_rate) for r in self.dataset.tracks]

    def draw(
        self, numbers: np.random.Generator, count: int, rows: slice, dueling: bool
    ) -> dict[str, Any]:  # Any: tensors and numbers
        """Return some rows of a batch of ``count`` crops.

        Their samples (B, n); which of them are seen through the autoencoder (B,); the frame at
        which the network begins to count; the spectra compared; whether discriminators join.
        """
        crops = draw_crops(self.lengths, count, self.settings.crop_frames, 1, numbers)
        rebuilt = int((numbers.random(count) < self.settings.rebuilt).sum())
        first = int(numbers.integers(MOST_FRAMES))
        spectra = numbers.choice(len(SPECTRA), NUM_SPECTRA, replace=False)
        return {
            "samples": torch.from_numpy(read_crops(self.dataset, crops[rows], self.mel)),
            "rebuilt": (torch.arange(count) < rebuilt)[rows],
            "first": first,
            "spectra": [SPECTRA[k] for k in spectra],
            "dueling": dueling,
        }


def read_crops(dataset: Dataset, crops: list[Crop], mel: MelSettings) -> NDArray[np.float32]:
    """Return the samples of crops (B, n), at the mel's rate; silence after a file's end.

    Raises:
        DatasetError: a file cannot be read.
    """
    out = np.zeros((len(crops), crops[0].frames * mel.hop_length), np.float32)
    for row, crop in zip(out, crops, strict=True):
        path = dataset.audio(dataset.tracks[crop.track])
        try:
            samples = _read(path, crop.first * mel.hop_length, len(row), mel.sample_rate)
        except (soundfile.SoundFileError, OSError) as fault:
            raise DatasetError(f"{path}: cannot be read: {fault}") from None
        row[: len(samples)] = samples
    return out


def _read(path: Path, first: int, length: int, rate: int) -> NDArray[np.float32]:
    """Return at most ``length`` mono samples from number ``first`` on, both at ``rate``."""
    with soundfile.SoundFile(path) as file:
        ratio = file.samplerate / rate
        file.seek(min(round(first * ratio), file.frames))
        samples = file.read(math.ceil(length * ratio), dtype="float32", always_2d=True).mean(axis=1)
        if file.samplerate != rate:
            samples = soxr.resample(samples, file.samplerate, rate)
    found: NDArray[np.float32] = samples[:length]
    return found
