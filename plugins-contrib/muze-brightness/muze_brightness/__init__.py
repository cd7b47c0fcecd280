"""Brightness stream: the spectral centroid over time. Copy this folder to start yours."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.analysis.curves import pearson, smooth, spread
from muze.analysis.sound import RATE, frames_of, hear
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings


class BrightnessStream:
    """How bright the sound is: 0 where its centre lies at 100 Hz, 1 six octaves above."""

    name: ClassVar[str] = "brightness"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 3
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"brightness": "frames"}
    extractor: ClassVar[str] = "spectral centroid (librosa)"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"value": [0.2, 0.8]}]}):
        value: list[float] = Field(min_length=1, description="0 dull to 1 bright, spread evenly.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the spectral centroid in octaves above 100 Hz, over six, in [0, 1], (1, T)."""
        import librosa

        pieces = frames_of(hear(audio).samples, 2048, RATE // 100, grid.frames)
        spectra = (np.abs(np.fft.rfft(piece * np.hanning(2048))).T for piece in pieces)
        hertz = np.hstack([librosa.feature.spectral_centroid(S=s, sr=RATE) for s in spectra])
        return {"brightness": np.clip(np.log2(hertz / 100 + 1e-9) / 6, 0, 1).astype(np.float32)}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the values joined by lines, shape (1, T)."""
        return {"brightness": spread(values.value, grid)}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the brightness a record tells once a second, shape (1, T)."""
        if not (told := record.get("brightness")):
            return None
        drawn = np.interp(grid.seconds, np.arange(len(told)) + 0.5, told)
        return {"brightness": drawn.astype(np.float32)[None]}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:  # noqa: ARG002
        """Return the brightness of each second."""
        return {"brightness": smooth(features["brightness"][0], 100)[50::100].round(3).tolist()}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Correlate the curve asked for with the one heard, each smoothed over a second."""
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        curves = [smooth(f["brightness"][0, spoken], 100) for f in (asked, heard)]
        return [Score("brightness r", pearson(*curves), "correlation", True, 0.0)]

    def encoder(self) -> Any:  # a torch module, imported on demand
        """Build the torch module; nothing imports torch before."""
        from muze_brightness.encoder import BrightnessEncoder

        return BrightnessEncoder(self.injects())


@hookimpl
def muze_streams() -> list[type[BrightnessStream]]:
    return [BrightnessStream]
