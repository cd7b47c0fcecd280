"""Beat stream: where in the beat and in the bar each frame lies, and the metre."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from muze import hookimpl
from muze.analysis.beats import count_beats, hear_beats
from muze.core.grid import Array, Audio, Features, Metre, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.beat.encoder import BeatEncoder


SHORTEST, LONGEST = 60 / 400, 60 / 20
"""Seconds a beat lasts."""


class BeatStream:
    """Phases of beat, bar and two subdivisions as sines and cosines; the metre as a one-hot."""

    name: ClassVar[str] = "beat"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "positions"
    layout: ClassVar[Mapping[str, Layout]] = {"phase": "frames", "metre": "frames"}
    extractor: ClassVar[str] = "muze beat network 1"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(48, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{}, {"positions": [0.0, 0.5, 1.0]}]}):
        """What a song may say."""

        positions: list[float] | None = Field(
            None,
            min_length=2,
            description="Seconds of the beats, the first a downbeat, at 20 to 400 beats a minute; "
            "the tempo's if not said.",
        )

        @field_validator("positions")
        @classmethod
        def _at_a_tempo(cls, positions: list[float] | None) -> list[float] | None:
            for before, after in itertools.pairwise(positions or ()):
                # a millisecond of slack for what is rounded
                if not SHORTEST - 1e-3 <= after - before <= LONGEST + 1e-3:
                    raise ValueError(
                        f"from {before:g} to {after:g} s is no beat; beats rise by "
                        f"{SHORTEST:g} to {LONGEST:g} s, 400 to 20 a minute"
                    )
            return positions

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the beats heard, knowing nothing of the grid's; shaped as in ``parse``.

        All frames are absent where no beat is heard.
        """
        heard = hear_beats(audio, grid)
        if heard is None:
            features = _drawn(np.zeros(grid.frames), grid.metre)
            return {**features, "present": np.zeros(grid.frames, np.float32)}
        features = _drawn(count_beats(heard.times, grid) - heard.first_downbeat, heard.metre)
        return {**features, "present": np.ones(grid.frames, np.float32)}

    def confidence(self, audio: Audio, grid: TimeGrid) -> dict[str, float]:
        """Return the mean probability of the beats heard."""
        heard = hear_beats(audio, grid)
        return {} if heard is None else {"beat_positions": heard.confidence}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return phases (8, T) and metre (5, T).

        Phase: sine and cosine of the place in the beat, in the bar, in half a beat and in a quarter
        (in compound metres a third and a sixth). Metre: 2, 3, 4 or another number of beats a bar,
        one-hot, and 1 where the beat divides in three.
        """
        beats = grid.beats if values.positions is None else count_beats(values.positions, grid)
        return _drawn(beats, grid.metre)

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the beats of the record: of its tempo map (the grid's), or those it lists."""
        if record.get("tempo_map"):
            return _drawn(grid.beats, grid.metre)
        times = list(record.get("beat_positions") or [])
        if len(times) < 2:
            return None
        downbeats = record.get("downbeat_positions") or times
        first = int(np.abs(np.asarray(times) - downbeats[0]).argmin())
        told = record.get("time_signature")
        metre = Metre.parse(told) if told else grid.metre
        return _drawn(count_beats(times, grid) - first, metre)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return the beats and downbeats in seconds, their number and ``time_signature``.

        Nothing where no beat was heard.
        """
        if not features.get("present", np.ones(1)).any():
            return {}
        beats, downbeats = _times(features, 0, grid), _times(features, 2, grid)
        told: dict[str, Any] = {
            "num_beats": len(beats),
            "beat_positions": [round(float(t), 3) for t in beats],
            "downbeat_positions": [round(float(t), 3) for t in downbeats],
        }
        metre = _metre(features)
        return {**told, "time_signature": str(metre)} if metre else told

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare beats within 70 ms and downbeats within 50 ms (mir_eval.beat), and the metre."""
        from mir_eval.beat import f_measure

        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        first = spoken.argmax()
        metre = float(np.array_equal(asked["metre"][:, first], heard["metre"][:, first]))
        scores = []
        for name, row, tolerance in (("beat F", 0, 0.07), ("downbeat F", 2, 0.05)):
            want, got = (_times_in(f, row, spoken, grid) for f in (asked, heard))
            if not heard.get("present", np.ones(1)).any():
                got = got[:0]
            # mir_eval would drop the first five seconds; here they count
            figure = float(f_measure(want, got, tolerance)) if len(want) and len(got) else 0.0
            # the floor is the right tempo at a random phase
            floor = (
                min(1.0, 2 * tolerance / float(np.median(np.diff(want)))) if len(want) > 1 else None
            )
            scores.append(Score(name, figure, "F1", True, floor))
        return [*scores, Score("metre BM", metre, "share", True, None)]

    def encoder(self) -> BeatEncoder:
        """Build the encoder."""
        from muze.plugins.streams.beat.encoder import BeatEncoder

        return BeatEncoder(self.injects())


def _drawn(beats: Array, metre: Metre) -> Features:
    """Draw beats of the song (T,), counted from a downbeat, as phases and metre."""
    split = 3 if metre.compound else 2
    turns = np.stack([beats, beats / metre.beats_per_bar, beats * split, beats * 2 * split])
    angles = 2 * np.pi * (turns % 1.0)
    phase = np.stack([np.sin(angles), np.cos(angles)], axis=1).reshape(8, -1)
    column = np.zeros((5, 1), np.float32)
    column[{2: 0, 3: 1, 4: 2}.get(metre.beats_per_bar, 3)] = 1
    column[4] = metre.compound
    return {
        "phase": phase.astype(np.float32),
        "metre": np.repeat(column, len(beats), axis=1),
    }


def _times(features: Features, row: int, grid: TimeGrid) -> NDArray[np.float64]:
    """Seconds at which the phase in ``row`` (its sine; its cosine follows) comes round."""
    sine, cosine = features["phase"][row : row + 2].astype(float)
    turns = np.unwrap(np.arctan2(sine, cosine)) / (2 * np.pi)
    rising = np.maximum.accumulate(turns)
    # half a frame on either side, so that a beat on the very first sample is there
    step = np.diff(rising[:2]).sum(), np.diff(rising[-2:]).sum()
    rising = np.concatenate([[rising[0] - step[0] / 2], rising, [rising[-1] + step[1] / 2]])
    seconds = np.concatenate([[grid.start], grid.seconds, [grid.start + grid.duration]])
    whole = np.arange(np.ceil(rising[0] - 1e-3), np.ceil(rising[-1] - 1e-3))
    times: NDArray[np.float64] = np.interp(whole, rising, seconds)
    return times


def _times_in(
    features: Features, row: int, spoken: NDArray[np.bool_], grid: TimeGrid
) -> NDArray[np.float64]:
    """Seconds of ``_times`` in each stretch of the frames spoken of."""
    edges = np.flatnonzero(np.diff(np.pad(spoken, 1).astype(int))).reshape(-1, 2)
    found = [
        _times({"phase": features["phase"][:, first:last]}, row, grid.window(first, last - first))
        for first, last in edges.tolist()
    ]
    return np.concatenate(found)


def _metre(features: Features) -> Metre | None:
    """The time signature told; None for one the four classes do not tell apart."""
    column = features["metre"][:, 0]
    beats = int(column[:4].argmax()) + 2
    if beats == 5:
        return None
    return Metre(3 * beats, 8) if column[4] else Metre(beats, 4)


@hookimpl
def muze_streams() -> list[type[BeatStream]]:
    """Offer the beat stream."""
    return [BeatStream]
