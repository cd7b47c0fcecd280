"""Energy stream: how intense the music is, from 0 to 1 within a song."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from muze import hookimpl
from muze.analysis.curves import pearson, smooth, spread
from muze.analysis.loudness import intensity
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.energy.encoder import EnergyEncoder

Level = Annotated[float, Field(ge=0, le=1)]


class EnergyStream:
    """How intense the music is, 0 the calmest a song gets and 1 the most driving."""

    name: ClassVar[str] = "energy"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "value"
    layout: ClassVar[Mapping[str, Layout]] = {"energy": "frames"}
    extractor: ClassVar[str] = "short-term loudness within the song's own range"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"value": [0.3, 0.9]}, {"value": 0.5}]}):
        """What a song may say."""

        value: Annotated[
            list[Level],
            BeforeValidator(
                lambda told: told if isinstance(told, (list, tuple)) else [told],
                json_schema_input_type=Level | list[Level],
            ),
        ] = Field(
            min_length=1,
            description="Intensity from 0 to 1; several are spread evenly and joined by lines.",
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return loudness over 3 s, from 0 at the song's calmest to 1 at its loudest, (1, T)."""
        return {"energy": intensity(audio, grid)[None]}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the value held, or the values joined by lines, in [0, 1], shape (1, T)."""
        return {"energy": spread(values.value, grid)}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the energy of the segment each frame lies in, in [0, 1], shape (1, T).

        Where the segments do not tell, the record's ``energy_curve`` joined by lines.
        """
        told = [s for s in record.get("segments") or [] if s.get("energy") is not None]
        if not told and record.get("energy_curve"):
            curve = np.asarray(record["energy_curve"], float)
            drawn = np.interp(grid.seconds, np.arange(len(curve)) + 0.5, curve)
            return {"energy": drawn.astype(np.float32)[None]}
        if not told:
            return None
        energy = np.zeros((1, grid.frames), np.float32)
        present = np.zeros(grid.frames, np.float32)
        for segment in told:
            first, last = grid.frames_between(segment["start"], segment["end"])
            energy[:, first:last] = segment["energy"]
            present[first:last] = 1
        return {"energy": energy, "present": present}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``energy_curve``: the energy once a second."""
        step = round(grid.frame_rate)
        return {
            "energy_curve": [round(float(x), 3) for x in features["energy"][0, step // 2 :: step]]
        }

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Correlate the curves, both smoothed over 3 s; a flat one has no shape to follow."""
        window = round(3 * grid.frame_rate)
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        want, got = (smooth(f["energy"][0, spoken], window) for f in (asked, heard))
        if np.ptp(want) < 0.05:
            return []
        return [Score("energy r", pearson(want, got), "correlation", True, 0.0)]

    def encoder(self) -> EnergyEncoder:
        """Build the encoder."""
        from muze.plugins.streams.energy.encoder import EnergyEncoder

        return EnergyEncoder(self.injects())


@hookimpl
def muze_streams() -> list[type[EnergyStream]]:
    """Offer the energy stream."""
    return [EnergyStream]
