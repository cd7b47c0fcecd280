"""Figures that a render must reach, as ``chords=0.7,tempo=1``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from muze.core.errors import MuzeError, did_you_mean
from muze.core.registry import Registry
from muze.pipelines.draw import configured, draw
from muze.pipelines.plan import Plan
from muze.report import SilentReport

OPTION = "--fail-under"
VOICE = ("word error rate", "onsets within 60 ms", "melody RPA", "speaker similarity")
"""Figures of a song that is sung."""


@dataclass(frozen=True)
class Threshold:
    """A figure's name, or a stream's, which stands for its first figure; and what is asked."""

    said: str
    stream: str | None
    figure: str | None
    least: float

    def short(self, adherence: Mapping[str, Any]) -> list[str]:
        """Return what fell short, in words; nothing where it was reached."""
        rows = [*adherence["scores"], *adherence.get("voice", ())]
        if self.figure is None:
            found = [row for row in rows if row.get("stream") == self.stream][:1]
        else:
            found = [row for row in rows if row["name"] == self.figure]
        if not found:
            return [f"{self.said} could not be measured; {self.least:g} was asked"]
        told = []
        for row in found:
            name, value, more = row["name"], row["value"], row["higher_is_better"]
            if value is None:
                told.append(f"{name} could not be measured ({row['reason']})")
            elif (value < self.least) if more else (value > self.least):
                side = "under" if more else "over"
                told.append(f"{name} is {value:.3f}, {side} {self.least:g}")
        return told


def read_thresholds(text: str, plan: Plan, registry: Registry) -> list[Threshold]:
    """Return what ``NAME=NUMBER,...`` asks of a plan's render.

    A name is a figure's (``chord majmin``) or a stream's (``chord`` or ``chords``), which stands
    for the first figure it tells. An error, as of loudness, must not be more than the number.

    Raises:
        MuzeError: all faults: a name that the song says nothing of, or what is no number.
    """
    known: dict[str, tuple[str | None, str | None]] = {}
    for stream, figures in figures_of(plan, registry).items():
        known |= {stream: (stream, None), f"{stream}s": (stream, None)}
        known |= {name.lower(): (stream, name) for name in figures}
    if plan.voice is not None:
        known |= {name.lower(): (None, name) for name in VOICE}
    found: list[Threshold] = []
    faults: list[str] = []
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            least = float(number)
        except ValueError:
            least = math.nan
        if not equals or not math.isfinite(least):
            faults.append(f"{part.strip()!r} must be NAME=NUMBER, as chords=0.7")
        elif name.lower() not in known:
            names = ", ".join(sorted({who or what or "" for who, what in known.values()}))
            near = did_you_mean(name.lower(), known)
            faults.append(f"nothing of this song is called {name!r}{near or f'; known: {names}'}")
        elif any(other.said == name.lower() for other in found):
            faults.append(f"{name!r} is said twice")
        else:
            found.append(Threshold(name.lower(), *known[name.lower()], least))
    if faults:
        raise MuzeError("\n".join(f"{OPTION}: {fault}" for fault in faults))
    return found


def figures_of(plan: Plan, registry: Registry) -> dict[str, list[str]]:
    """Return the names of the figures that each stream of a plan tells.

    They are those that what is asked gets when it is compared with itself.
    """
    found = {}
    for name, (features, present) in draw(plan, registry, SilentReport()).items():
        stream = configured(name, registry, None)
        asked = {**features, "present": present.astype(np.float32)}
        with registry.blame(name, "tell its figures"):
            found[name] = [row.name for row in stream.score(asked, asked, plan.grid)]
    return found
