"""Brightness stream: the spectral centroid over time. Copy this folder to start yours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze import hookimpl
from muze.analysis.curves import pearson, spread
from muze.analysis.sound import RATE, frames_of, hear
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

LOWEST, OCTAVES = 100.0, 6.0  # a centroid of 100 Hz is 0, one of 6400 Hz is 1
WINDOW = 2048  # samples at 24 kHz


class BrightnessStream:
    """How bright the sound is: 0 where its centre lies at 100 Hz, 1 six octaves above."""

    name: ClassVar[str] = "brightness"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"brightness": "frames"}
    extractor: ClassVar[str] = "spectral centroid"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Width of the encoder; saved in the checkpoint."""

        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"value": [0.2, 0.8]}]}):
        """What a song may say."""

        value: list[float] = Field(min_length=1, description="0 dull to 1 bright, spread evenly.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the spectral centroid in octaves above 100 Hz, over six, in [0, 1], (1, T)."""
        samples, hop = hear(audio).samples, round(RATE / grid.frame_rate)
        centroid = np.concatenate(
            [_centroid(frames) for frames in frames_of(samples, WINDOW, hop, grid.frames)]
        )
        octaves = np.log2(np.maximum(centroid, LOWEST) / LOWEST)
        return {"brightness": np.minimum(octaves / OCTAVES, 1).astype(np.float32)[None]}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the values joined by lines, shape (1, T)."""
        return {"brightness": spread(values.value, grid)}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the brightness a record tells once a second, shape (1, T)."""
        if not (told := record.get("brightness")):
            return None
        drawn = np.interp(grid.seconds, np.arange(len(told)) + 0.5, told)
        return {"brightness": drawn.astype(np.float32)[None]}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return the brightness at the middle of each second."""
        step = round(grid.frame_rate)
        return {"brightness": [float(x) for x in features["brightness"][0, step // 2 :: step]]}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:  # noqa: ARG002
        """Correlate the curve asked for with the one heard."""
        r = pearson(*(curve["brightness"][0] for curve in (asked, heard)))
        return [Score("brightness r", r, "correlation", True, 0.0)]

    def encoder(self) -> Any:  # a torch module, imported on demand
        """Build the torch module; nothing imports torch before."""
        from muze_brightness.encoder import BrightnessEncoder

        return BrightnessEncoder(self.injects())


def _centroid(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the spectral centroid in Hz of frames (N, WINDOW), shape (N,)."""
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1))
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    return np.asarray(magnitude @ hertz / np.maximum(magnitude.sum(axis=1), 1e-6))


@hookimpl
def muze_streams() -> list[type[BrightnessStream]]:
    """Offer the one stream."""
    return [BrightnessStream]
