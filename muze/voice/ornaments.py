"""How well a voice swings and breathes as its plan says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from muze.analysis.pitch import track_pitch
from muze.analysis.vibrato import Vibrato, find_vibrato, refine_pitch
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.voice.pitch_curve import ONSET
from muze.voice.plan import VibratoPlan
from muze.voice.score import Phrase
from muze.voice.voice_score import VoiceScore

SWUNG = 0.7
"""Seconds that a note swings from which its vibrato is told: one is looked for in .6 s."""


def vibrato_scores(
    voice: Audio, told: VibratoPlan, phrases: Sequence[Phrase], grid: TimeGrid, registry: Registry
) -> list[VoiceScore]:
    """Return the errors of depth and, where a vibrato is asked, of rate.

    Both are means over the notes that are held long enough: of the distance of the note's median
    depth from what was asked, 0 where it does not swing; and of the rate in those that swing.
    """
    by = f"{registry.get('stream', 'vibrato').extractor} ({registry.version('vibrato')})"
    depth, rate = "vibrato depth error", "vibrato rate error"
    parts = [slice(*grid.frames_between(a, b)) for a, b in swinging(phrases, told.extent)]
    if not parts:
        why = f"no note swings for {SWUNG:g} s, in which a vibrato could be heard"
        return [VoiceScore(depth, None, "cents", False, by, reason=why)]
    hz, voiced = track_pitch(voice, grid)
    found = find_vibrato(refine_pitch(voice, hz, voiced, grid), voiced)
    heard = [median for part in parts if (median := _heard(found, part)) is not None]
    silent = len(parts) - len(heard)
    errors = [abs(deep - told.depth) for _, deep in heard] + silent * [told.depth]
    scores = [VoiceScore(depth, float(np.mean(errors)), "cents", False, by)]
    if told.depth > 0:
        rates = [abs(fast - told.rate) for fast, _ in heard]
        value = float(np.mean(rates)) if rates else None
        unheard = None if rates else "no vibrato is heard"
        scores.insert(0, VoiceScore(rate, value, "Hz", False, by, reason=unheard))
    return scores


def swinging(phrases: Sequence[Phrase], extent: float | None) -> list[tuple[float, float]]:
    """Return start and end of the part that swings of each note that is held long enough."""
    found = []
    for note in (note for phrase in phrases for note in phrase.notes):
        length = note.end - note.start
        still = ONSET if extent is None else (1 - extent) * length
        if length - still >= SWUNG:
            found.append((note.start + still, note.end))
    return found


def _heard(found: Vibrato, part: slice) -> tuple[float, float] | None:
    """Return the median rate and depth of the frames that swing; None where few do."""
    swings: NDArray[np.bool_] = found.swings[part]
    if not swings.any():
        return None
    return float(np.median(found.rate[part][swings])), float(np.median(found.depth[part][swings]))


def breath_scores(
    voice: Audio, asked: Sequence[float], grid: TimeGrid, registry: Registry
) -> list[VoiceScore]:
    """Return the F1 of breaths within 150 ms of those asked for, as the stream breath tells it."""
    cls = registry.get("stream", "breath")
    stream = cls(cls.Config())
    by = f"{stream.extractor} ({registry.version('breath')})"
    with registry.blame("breath", "listen to the voice"):
        drawn = stream.parse(cls.Values(positions=list(asked)), grid)
        (score,) = stream.score(drawn, stream.extract(voice, grid), grid)
    return [VoiceScore(score.name, score.value, score.unit, True, by, score.floor)]
