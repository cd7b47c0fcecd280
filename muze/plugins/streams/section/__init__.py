"""Section stream: verse, chorus, bridge... and where one ends and the next begins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.analysis.sections import boundary_scores, find_sections
from muze.core.errors import DatasetError
from muze.core.grid import SECTION_TYPES, Audio, Features, SectionSpan, TimeGrid, section_type
from muze.core.protocols import Layout, Score, Site
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.plugins.streams.section.encoder import SectionEncoder

FAR = 8.0
"""Bars beyond which a border is simply far."""

SectionType = Literal[
    "intro", "verse", "pre_chorus", "chorus", "post_chorus", "bridge", "instrumental",
    "solo", "breakdown", "buildup", "drop", "outro", "unknown",
]  # fmt: skip


class SectionStream:
    """The type of section each frame lies in, and its distance in bars to both borders."""

    name: ClassVar[str] = "section"
    api: ClassVar[int] = 1
    feature_version: ClassVar[int] = 1
    primary: ClassVar[str] = "type"
    layout: ClassVar[Mapping[str, Layout]] = {"section": "frames", "border": "frames"}
    extractor: ClassVar[str] = "checkerboard novelty of timbre, harmony and rhythm"
    hears: ClassVar[bool] = False
    guidance: ClassVar[float] = 0.0

    class Config(Settings):
        """Widths of the encoder."""

        vector: int = Field(128, ge=1, description="Width of the vector.")
        frames: int = Field(32, ge=1, description="Width of the frames.")

    class Values(Settings, json_schema_extra={"examples": [{"type": "chorus"}, {}]}):
        """What a song may say."""

        type: SectionType | None = Field(
            None, description="What all of it is; the sections of the structure if not said."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def injects(self) -> dict[Site, int]:
        """Return the width at each site."""
        return {"vector": self.config.vector, "frames": self.config.frames}

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Return sections between the changes heard, all of type ``unknown``, as in parse."""
        times = [grid.start, *find_sections(audio, grid), grid.start + grid.duration]
        spans = [SectionSpan("unknown", a, b) for a, b in itertools.pairwise(times)]
        return _drawn(spans, grid)

    def parse(self, values: Values, grid: TimeGrid) -> Features:
        """Return the types, one-hot (13, T), and the distances to the borders (2, T).

        Distances are in bars since the section's start and to its end, up to 8, divided by 8.
        Frames outside every section are absent.
        """
        features = _drawn(grid.sections, grid)
        if values.type is not None:
            features["section"][:] = 0
            features["section"][SECTION_TYPES.index(values.type)] = 1
            features["present"][:] = 1
        return features

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Return the segments of the record; shaped as in ``parse``."""
        if not record.get("segments"):
            return None
        try:
            spans = [
                SectionSpan(section_type(s["type"]), s["start"], s["end"])
                for s in record["segments"]
            ]
        except ValueError as fault:
            raise DatasetError(f"{record.get('audio_path', 'record')}: segments: {fault}") from None
        return _drawn(spans, grid)

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return ``segments``: type, start and end in seconds."""
        borders = [grid.start, *_borders(features, grid), grid.start + grid.duration]
        spans = itertools.pairwise(borders)
        segments = []
        for start, end in spans:
            first, last = grid.frames_between(start, end)
            kind = SECTION_TYPES[int(features["section"][:, first:last].sum(axis=1).argmax())]
            segments.append({"type": kind, "start": round(start, 3), "end": round(end, 3)})
        return {"segments": segments}

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Return how well borders were found, within 0.5 s and 3 s (mir_eval.segment.detection)."""
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        want, got = (
            [t for t in _borders(f, grid) if spoken[grid.frames_between(t, np.inf)[0]]]
            for f in (asked, heard)
        )
        return boundary_scores(want, got, grid) if want else []

    def encoder(self) -> SectionEncoder:
        """Build the encoder."""
        from muze.plugins.streams.section.encoder import SectionEncoder

        return SectionEncoder(self.injects())


def _drawn(spans: Sequence[SectionSpan], grid: TimeGrid) -> Features:
    section = np.zeros((len(SECTION_TYPES), grid.frames), np.float32)
    border = np.zeros((2, grid.frames), np.float32)
    present = np.zeros(grid.frames, np.float32)
    beats = grid.beats
    for span in spans:
        first, last = grid.frames_between(span.start, span.end)
        section[SECTION_TYPES.index(span.type), first:last] = 1
        start, end = grid.to_beats([span.start, span.end])
        bars = np.stack([beats - start, end - beats])[:, first:last] / grid.metre.beats_per_bar
        border[:, first:last] = np.clip(bars, 0, FAR) / FAR
        present[first:last] = 1
    return {"section": section, "border": border, "present": present}


def _borders(features: Features, grid: TimeGrid) -> list[float]:
    """Seconds of the borders inside the grid: where the bars since the section's start fall."""
    falls = np.flatnonzero(np.diff(features["border"][0]) < 0) + 1
    return [grid.start + int(frame) / grid.frame_rate for frame in falls]


@hookimpl
def muze_streams() -> list[type[SectionStream]]:
    """Offer the section stream."""
    return [SectionStream]
