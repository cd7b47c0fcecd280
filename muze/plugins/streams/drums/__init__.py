"""Drums stream: when each drum is struck, and how hard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from muze import hookimpl
from muze.analysis.drums import DRUMS, USUAL, draw_hits, hear_drums, read_hits
from muze.core.errors import DatasetError, did_you_mean
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings
from muze.plugins.streams.drums.pattern import check_steps, lay_steps, steps_of

if TYPE_CHECKING:
    from muze.plugins.streams.drums.encoder import DrumsEncoder

TOLERANCE = 0.05
"""Seconds by which a hit may be heard early or late."""


class DrumsStream:
    """Kick, snare, hat, tom and cymbal, each a pulse that dies away; all rests is no drums."""

    name: ClassVar[str] = "drums"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "pattern"
    layout: ClassVar[Mapping[str, Layout]] = {"drums": "frames"}
    extractor: ClassVar[str] = "muze drum network 1"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Width of the encoder."""

        frames: int = Field(48, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [
                {
                    "pattern": {
                        "kick": "X...x...X...x...",
                        "snare": "....x.......x...",
                        "hat": "x.x.",
                    },
                    "steps_per_beat": 4,
                }
            ]
        },
    ):
        """What a song may say."""

        pattern: dict[
            Literal["kick", "snare", "hat", "tom", "cymbal"],
            Annotated[str, AfterValidator(check_steps)],
        ] = Field(
            min_length=1,
            description="By drum, its steps: X accent, x hit, . rest. Each is repeated by itself, "
            "and starts anew with each section; drums not named rest.",
        )
        steps_per_beat: int = Field(4, ge=1, le=24, description="Steps a beat has.")

        @model_validator(mode="after")
        def _whole_beats(self) -> DrumsStream.Values:
            for drum, text in self.pattern.items():
                steps = len(steps_of(text))
                more = -steps % self.steps_per_beat
                if more:
                    raise ValueError(
                        f"{drum} has {steps} steps, no whole beats at {self.steps_per_beat} steps "
                        f"a beat; add {more} or take {self.steps_per_beat - more} away"
                    )
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at the one site."""
        return {"frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the hits heard, shape (5, T) as in ``parse``; absent in silence."""
        heard = hear_drums(audio, grid)
        present = np.full(grid.frames, heard is not None, np.float32)
        return {"drums": draw_hits(heard or {}, grid), "present": present}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return a pulse for each hit, an accent 1 and others 0.7, fading in 50 ms, (5, T).

        Rows: kick, snare, hat, tom, cymbal.
        """
        spans = [(section.start, section.end) for section in grid.sections]
        drawn = np.zeros((len(DRUMS), grid.frames), np.float32)
        for start, end in spans or [(grid.first_beat, grid.start + grid.duration)]:
            first, last = grid.frames_between(start, end)
            if first < last:
                # each section by itself: what it repeats fades with it
                part = grid.window(first, last - first)
                hits = lay_steps(values.pattern.items(), values.steps_per_beat, start, part)
                drawn[:, first:last] = draw_hits(hits, part)
        return {"drums": drawn}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``drum_onsets``, as strong as ``drum_velocities`` tell if they do."""
        onsets, strengths = record.get("drum_onsets"), record.get("drum_velocities") or {}
        if onsets is None:
            return None
        try:
            for drum in (*onsets, *strengths):
                if drum not in DRUMS:
                    raise ValueError(f"unknown drum {drum!r}{did_you_mean(str(drum), DRUMS)}")
            hits = {
                drum: list(
                    zip(
                        map(float, onsets[drum]),
                        map(float, strengths.get(drum) or [USUAL] * len(onsets[drum])),
                        strict=True,
                    )
                )
                for drum in DRUMS
                if onsets.get(drum)
            }
            if not all(np.isfinite(told).all() for told in hits.values()):
                raise ValueError("a time or a velocity is no number")
        except (AttributeError, TypeError, ValueError) as fault:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: drum_onsets: {fault}") from None
        return {"drums": draw_hits(hits, grid)}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``drum_onsets`` in seconds and ``drum_velocities`` 0 to 1, by drum.

        Nothing where nothing was heard.
        """
        if not features.get("present", np.ones(1)).any():
            return {}
        hits = read_hits(features["drums"], grid)
        return {
            "drum_onsets": {drum: [round(t, 3) for t, _ in told] for drum, told in hits.items()},
            "drum_velocities": {
                drum: [round(strength, 2) for _, strength in told] for drum, told in hits.items()
            },
        }

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return onset F1 within 50 ms (mir_eval): of all drums, and of each that was asked.

        Of all drums, a hit counts only as its own drum's; where no hit was asked it is 1 if none
        is heard, else 0. The floor of a drum is as many hits of it anywhere.
        """
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        want, got = (_times(features, grid, spoken) for features in (asked, heard))
        seconds = max(spoken.sum() / grid.frame_rate, 1e-9)
        scores, total = [], np.zeros(3)
        for drum in DRUMS:
            counts = _matched(want[drum], got[drum])
            total += counts
            if len(want[drum]):
                floor = 1 - math.exp(-2 * TOLERANCE * len(want[drum]) / seconds)
                scores.append(Score(f"drums {drum} F1", _f1(counts), "F1", True, floor))
        if not spoken.any():
            return []
        return [Score("drums F1", _f1(total), "F1", True, None), *scores]

    def encoder(self) -> DrumsEncoder:
        """Build the encoder."""
        from muze.plugins.streams.drums.encoder import DrumsEncoder

        return DrumsEncoder(self.injects())


def _times(
    features: Features, grid: TimeGrid, spoken: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    hits = read_hits(features["drums"], grid)
    index = {drum: np.asarray([t for t, _ in told], float) for drum, told in hits.items()}
    return {
        drum: t[spoken[((t - grid.start) * grid.frame_rate).astype(int)]]
        for drum, t in index.items()
    }


def _matched(want: NDArray[np.float64], got: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many hits were right, heard and asked."""
    from mir_eval.util import match_events

    right = len(match_events(want, got, TOLERANCE)) if len(want) and len(got) else 0
    return np.asarray([right, len(got), len(want)], float)


def _f1(counts: NDArray[np.float64]) -> float:
    right, heard, asked = counts
    return float(2 * right / (heard + asked)) if heard + asked else 1.0


@hookimpl
def muze_streams() -> list[type[DrumsStream]]:
    """Offer the drums stream."""
    return [DrumsStream]
