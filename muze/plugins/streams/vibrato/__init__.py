"""Vibrato stream: how fast and how deep the voice's pitch swings, and how much of the time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.analysis.pitch import track_pitch
from muze.analysis.vibrato import DEEPEST, FASTEST, SLOWEST, find_vibrato, refine_pitch
from muze.core.errors import DatasetError
from muze.core.grid import Array, Audio, Features, TimeGrid
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.vibrato.encoder import VibratoEncoder

FEWEST = 0.5
"""Seconds a section must be sung for its vibrato to be told."""
FIELDS = ("rate", "depth", "extent")


class VibratoStream:
    """Rate in Hz, depth in cents and extent of the vibrato; all of them 0 where there is none."""

    name: ClassVar[str] = "vibrato"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "depth"
    layout: ClassVar[Mapping[str, Layout]] = {"vibrato": "frames"}
    extractor: ClassVar[str] = "sines fitted to swift-f0's pitch, refined by phase"
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(64, ge=1, description="Width of the vector.")
        frames: int = Field(16, ge=1, description="Width of the frames.")

    class Values(
        Settings,
        json_schema_extra={"examples": [{"rate": 5.5, "depth": 40, "extent": 0.7}, {"depth": 0}]},
    ):
        """What a song may say."""

        rate: float = Field(5.5, ge=SLOWEST, le=FASTEST, description="Swings a second, in Hz.")
        depth: float = Field(
            ge=0,
            le=DEEPEST,
            description="Cents by which the pitch swings to either side; 0 is no vibrato.",
        )
        extent: float = Field(
            1.0, ge=0, le=1, description="Share of the sung time that has vibrato."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return the vibrato of each section of the grid, of the whole where it has none, (3, T).

        Rate and depth are medians over the vibrato; a section with less than half a second of
        singing is absent.
        """
        hz, voiced = track_pitch(audio, grid)
        found = find_vibrato(refine_pitch(audio, hz, voiced, grid), voiced)
        drawn, present = np.zeros((3, grid.frames)), np.zeros(grid.frames)
        swings = found.swings & voiced
        for part in _parts(grid):
            sung = int(voiced[part].sum())
            # of a window shorter than that, all of it must be sung
            if sung < min(FEWEST * grid.frame_rate, part.stop - part.start) or not sung:
                continue
            present[part] = 1
            here = swings[part]
            if here.any():
                middle = [float(np.median(x[part][here])) for x in (found.rate, found.depth)]
                drawn[:, part] = np.asarray([[*middle, here.sum() / sung]]).T
        return {"vibrato": drawn.astype(np.float32), "present": present.astype(np.float32)}

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return rate, depth and extent held, shape (3, T)."""
        return {"vibrato": _held(values.rate, values.depth, values.extent, grid)}

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the record's vibrato, section by section where ``vibrato_spans`` tell it."""
        spans = record.get("vibrato_spans")
        try:
            if spans:
                return _of_spans(spans, grid)
            told = [record.get(f"vibrato_{field}") for field in FIELDS]
            if any(value is None for value in told):
                return None
            rate, depth, extent = (float(value) for value in told if value is not None)
        except (KeyError, TypeError, ValueError) as fault:
            where = record.get("audio_path", "record")
            raise DatasetError(f"{where}: vibrato: {fault!r} is no vibrato") from None
        return {"vibrato": _held(rate, depth, extent, grid)}

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``vibrato_rate`` Hz, ``_depth`` cents and ``_extent`` 0 to 1, means over the song.

        Where they change within the song, ``vibrato_spans`` tells them part by part. Nothing where
        no voice was heard.
        """
        drawn = features["vibrato"].astype(float)
        present = features.get("present", np.ones(grid.frames)) > 0
        if not present.any():
            return {}
        extent = float(drawn[2, present].mean())
        weight = drawn[2] * present
        rate, depth = drawn[:2] @ weight / max(float(weight.sum()), 1e-9)
        means = _named(rate, depth, extent)
        told: dict[str, Any] = {f"vibrato_{field}": value for field, value in means.items()}
        spans = [
            {"start": grid.start + a / grid.frame_rate, "end": grid.start + b / grid.frame_rate,
             **_named(*drawn[:, a])} for a, b in _runs(drawn, present)
        ]  # fmt: skip
        if len(spans) > 1 or not present.all():
            told["vibrato_spans"] = spans
        return told

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return the errors of rate, where vibrato was asked, of depth and of extent.

        They are means over the asked frames where a voice is heard. No vibrato has rate and depth
        0, and so has a song in which no voice is heard at all.
        """
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        sung = heard.get("present", np.ones(grid.frames)) > 0
        frames = spoken & sung if (spoken & sung).any() else spoken
        if not frames.any():
            return []
        error = np.abs(asked["vibrato"].astype(float) - heard["vibrato"] * sung)
        scores = [
            Score("vibrato depth error", float(error[1, frames].mean()), "cents", False, None),
            Score("vibrato extent error", float(error[2, frames].mean()), "share", False, None),
        ]
        swings = frames & (asked["vibrato"][1] > 0)
        if swings.any():
            rate = float(error[0, swings].mean())
            scores.insert(0, Score("vibrato rate error", rate, "Hz", False, None))
        return scores

    def encoder(self) -> VibratoEncoder:
        """Build the encoder."""
        from muze.plugins.streams.vibrato.encoder import VibratoEncoder

        return VibratoEncoder(self.injects())


def _held(rate: float, depth: float, extent: float, grid: TimeGrid) -> Array:
    swings = depth > 0 and extent > 0
    column = np.asarray([[rate], [depth], [extent]]) * swings
    return np.repeat(column, grid.frames, axis=1).astype(np.float32)


def _parts(grid: TimeGrid) -> list[slice]:
    """Frames of each section, or all of them."""
    edges = [grid.frames_between(section.start, section.end) for section in grid.sections]
    return [slice(a, b) for a, b in edges if a < b] or [slice(0, grid.frames)]


def _of_spans(spans: Any, grid: TimeGrid) -> Features:  # Any: a stranger's JSON
    drawn, present = np.zeros((3, grid.frames), np.float32), np.zeros(grid.frames, np.float32)
    for span in spans:
        first, last = grid.frames_between(float(span["start"]), float(span["end"]))
        drawn[:, first:last] = [[float(span[field])] for field in FIELDS]
        present[first:last] = 1
    return {"vibrato": drawn, "present": present}


def _runs(drawn: Array, present: Array) -> list[tuple[int, int]]:
    """First frame and one past the last of every present stretch in which nothing changes."""
    turns = np.any(np.diff(drawn, axis=1) != 0, axis=0) | (np.diff(present.astype(int)) != 0)
    edges = [0, *(np.flatnonzero(turns) + 1).tolist(), drawn.shape[1]]
    return [(a, b) for a, b in itertools.pairwise(edges) if present[a]]


def _named(rate: float, depth: float, extent: float) -> dict[str, float]:
    values = zip(FIELDS, (rate, depth, extent), strict=True)
    return {field: round(float(value), 3) for field, value in values}


@hookimpl
def muze_streams() -> list[type[VibratoStream]]:
    """Offer the vibrato stream."""
    return [VibratoStream]
