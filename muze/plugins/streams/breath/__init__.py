"""Breath stream: where the singer breathes in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from muze import hookimpl
from muze.analysis.breaths import find_breaths
from muze.analysis.pitch import track_pitch
from muze.core.errors import DatasetError
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Layout, Misfit, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.breath.encoder import BreathEncoder

WIDTH = 0.15
"""Seconds a drawn breath is wide, its highest point where the breath begins."""
NEAREST = 0.3
"""Seconds between two breaths at least."""
BEFORE = 0.5
"""Beats before a phrase's end at which ``auto`` breathes."""
TOLERANCE = 0.15
"""Seconds by which a breath may be heard early or late."""


def _apart(positions: list[float]) -> list[float]:
    for before, after in itertools.pairwise(positions):
        if after - before < NEAREST - 1e-3:  # a millisecond of slack for what is rounded
            raise ValueError(
                f"from {before:g} to {after:g} s is no time to breathe again; "
                f"breaths rise by at least {NEAREST:g} s"
            )
    return positions


class BreathStream:
    """A bump of 150 ms around the start of every breath; none is a song without breaths."""

    name: ClassVar[str] = "breath"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "positions"
    layout: ClassVar[Mapping[str, Layout]] = {"breath": "frames"}
    extractor: ClassVar[str] = "noise between what swift-f0 hears sung"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(32, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={
            "examples": [{"positions": [1.9, 3.9, 5.2]}, {"positions": "auto"}, {"positions": []}]
        },
    ):
        """What a song may say."""

        positions: (
            Annotated[list[Annotated[float, Field(ge=0)]], AfterValidator(_apart)] | Literal["auto"]
        ) = Field(
            description="Seconds of the song at which breaths begin, rising, none for none; or "
            "auto: half a beat before the end of every phrase."
        )
        bars_per_phrase: int | None = Field(
            None, ge=1, description="Bars of a phrase, for auto; 2 if not said."
        )

        @model_validator(mode="after")
        def _phrases_of_auto(self) -> BreathStream.Values:
            if self.bars_per_phrase is not None and self.positions != "auto":
                raise ValueError("bars_per_phrase goes with positions: auto; leave one of them out")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def misfits(self, values: Values, grid: TimeGrid) -> list[Misfit]:
        """Return the breaths that are not in the song, or not in the section that says them."""
        told = [] if values.positions == "auto" else values.positions
        found = ((index, second, grid.misfit(second)) for index, second in enumerate(told))
        return [
            (("positions", index), f"a breath at {second:g} s {where}")
            for index, second, where in found
            if where
        ]

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the breaths heard, shape (1, T) as in ``parse``; absent where nobody sings."""
        _, voiced = track_pitch(audio, grid)
        drawn = _drawn(find_breaths(audio, voiced, grid), grid)
        return {**drawn, "present": np.full(grid.frames, voiced.any(), np.float32)}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return 1 where a breath begins, falling to 0 within 75 ms on either side, (1, T).

        Phrases are counted from the first bar of each section; a section's last may be shorter.
        There is no breath at the end of the song.
        """
        if values.positions == "auto":
            return _drawn(_phrase_ends(grid, values.bars_per_phrase or 2), grid)
        return _drawn(values.positions, grid)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's ``breath_positions``; absent where it has none, not even a list."""
        told = record.get("breath_positions")
        if told is None:
            return None
        try:
            positions = [float(second) for second in told]
            if not np.isfinite(positions).all():
                raise ValueError("one is no number")
            return _drawn(positions, grid)
        except (TypeError, ValueError) as fault:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: breath_positions: {fault}") from None

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``breath_positions`` in seconds; nothing where nobody was heard to sing."""
        if not features.get("present", np.ones(1)).any():
            return {}
        return {"breath_positions": [round(float(t), 3) for t in _positions(features, grid)]}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return the F1 of the breaths' starts within 150 ms (mir_eval.onset).

        Where no breath was asked it is 1 if none is heard, else 0. The floor is as many breaths
        anywhere.
        """
        from mir_eval.onset import f_measure

        spoken = asked.get("present", np.ones(grid.frames)) > 0
        sung = heard.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        want, got = _positions(asked, grid, spoken), _positions(heard, grid, spoken & sung)
        if not len(want) or not len(got):
            return [Score("breath F1", float(len(want) == len(got)), "F1", True, None)]
        figure = float(f_measure(want, got, window=TOLERANCE)[0])
        seconds = spoken.sum() / grid.frame_rate
        floor = 1 - float(np.exp(-2 * TOLERANCE * len(want) / seconds))
        return [Score("breath F1", figure, "F1", True, floor)]

    def encoder(self) -> BreathEncoder:
        """Build the encoder."""
        from muze.plugins.streams.breath.encoder import BreathEncoder

        return BreathEncoder(self.injects())


def _drawn(positions: Sequence[float] | NDArray[np.float64], grid: TimeGrid) -> Features:
    drawn = np.zeros(grid.frames)
    for second in positions:
        first, last = grid.frames_between(second - WIDTH / 2, second + WIDTH / 2)
        bump = np.cos(np.pi * (grid.seconds[first:last] - second) / WIDTH) ** 2
        drawn[first:last] = np.maximum(drawn[first:last], bump)
    return {"breath": drawn.astype(np.float32)[None]}


def _positions(
    features: Features, grid: TimeGrid, where: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Seconds at which the bumps are highest, of those that are so ``where`` (T,) holds."""
    bump = features["breath"][0].astype(float)
    before, after = np.pad(bump, (1, 0))[:-1], np.pad(bump, (0, 1))[1:]
    # the frame nearest to the top is half a frame off at most; a bump cut off is lower
    top = (bump >= before) & (bump > after) & (bump > 0.98)
    index = np.flatnonzero(top if where is None else top & where)
    off = np.arccos(np.sqrt(np.clip(bump[index], 0, 1))) * WIDTH / np.pi
    side = np.where(after[index] >= before[index], off, -off)
    return np.asarray(grid.seconds[index] + side, float)


def _phrase_ends(grid: TimeGrid, bars: int) -> list[float]:
    """Half a beat before the end of every phrase of every section but the song's last."""
    end = max(grid.song_duration, grid.start + grid.duration)
    spans = [(section.start, section.end) for section in grid.sections] or [(grid.first_beat, end)]
    beats = bars * grid.metre.beats_per_bar
    found = []
    for start, stop in spans:
        first, last = (float(beat) for beat in grid.to_beats([start, stop]))
        # the last phrase ends with its section, however few bars it has
        ends = [*np.arange(first + beats, last - 1e-3, beats).tolist(), last]
        found += [b for b in ends if b < grid.to_beats(end) - 1e-3]
    return [float(second) for second in grid.to_seconds(np.asarray(found) - BEFORE)]


@hookimpl
def muze_streams() -> list[type[BreathStream]]:
    """Offer the breath stream."""
    return [BreathStream]
