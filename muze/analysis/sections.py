"""Section borders: found by novelty, and compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from muze.analysis.bars import averaged
from muze.analysis.chroma import HOP, semitones
from muze.analysis.onsets import onset_bands
from muze.analysis.sound import RATE, hear
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import Score

STEP = 0.5  # seconds a feature vector covers
KERNEL = 5.0  # seconds on either side of a border that are compared
CLOSEST = 4.0  # seconds between two borders
THRESHOLD = 0.7  # standard deviations of novelty above its mean


def find_sections(audio: Audio, grid: TimeGrid) -> list[float]:
    """Return the seconds of the song at which a section ends and the next begins.

    Peaks of the novelty of a self-similarity matrix of timbre, harmony and rhythm, under a
    checkerboard kernel (Foote 2000).
    """
    features = _features(audio)
    if features is None or features.shape[1] * STEP < 2 * CLOSEST:
        return []
    novelty = _checkerboard(features, round(KERNEL / STEP))
    threshold, reach = novelty.mean() + THRESHOLD * novelty.std(), round(CLOSEST / STEP)
    peaks = [
        i
        for i in range(reach, len(novelty) - reach + 1)
        if novelty[i] > threshold and novelty[i] == novelty[max(0, i - reach) : i + reach + 1].max()
    ]
    return [grid.start + float(i * STEP) for i in peaks]


def boundary_scores(asked: Sequence[float], heard: Sequence[float], grid: TimeGrid) -> list[Score]:
    """Return the F-measures of borders within 0.5 s and 3 s, start and end of the song left out."""
    from mir_eval.segment import detection

    spans = []
    for borders in (asked, heard):
        edges = np.asarray([0.0, *(t - grid.start for t in borders), grid.duration])
        spans.append(np.stack([edges[:-1], edges[1:]], axis=1))
    scores = []
    for window in (0.5, 3.0):
        figure = 0.0
        if len(heard):
            figure = float(detection(spans[0], spans[1], window=window, trim=True)[2])
        # the floor: as many borders as were asked, thrown anywhere
        chance = 1 - (1 - min(1.0, 2 * window / grid.duration)) ** len(asked)
        scores.append(Score(f"section F {window:g} s", figure, "F1", True, chance))
    return scores


def _features(audio: Audio) -> NDArray[np.float64] | None:
    """Stack standardised features of each half second, shape (F, N); None for silence."""
    sound = hear(audio)
    if sound.silent:
        return None
    count = int(sound.duration / STEP)
    if count < 2:
        return None
    spectrum = np.log1p(100 * semitones(sound))
    timbre = spectrum.reshape(14, 6, -1).mean(axis=1)
    chroma = spectrum[12:72].reshape(5, 12, -1).sum(axis=0)
    chroma = chroma / (np.linalg.norm(chroma, axis=0) + 1e-9)
    edges = np.arange(count + 1) * STEP
    parts = [
        averaged(timbre, RATE / HOP, edges),
        averaged(chroma, RATE / HOP, edges),
        averaged(onset_bands(sound), 100.0, edges),
    ]
    standard = [p - p.mean(axis=1, keepdims=True) for p in parts]
    scaled = [p / (np.linalg.norm(p, axis=0).mean() + 1e-9) for p in standard]
    return np.asarray(np.concatenate(scaled))


def _checkerboard(features: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Novelty before each step, shape (N + 1,): difference across it beyond difference within."""
    unit = features / (np.linalg.norm(features, axis=0) + 1e-9)
    padded = np.pad(unit.T @ unit, reach)
    at = np.arange(-reach, reach) + 0.5
    taper = np.exp(-0.5 * (at / (0.4 * reach)) ** 2)
    kernel = np.outer(np.sign(at) * taper, np.sign(at) * taper)
    size = features.shape[1] + 1
    novelty = [
        float((padded[i : i + 2 * reach, i : i + 2 * reach] * kernel).sum()) for i in range(size)
    ]
    return np.asarray(novelty)
