"""Listeners of other libraries, textbook ones, and some that know what was asked.

Each tells what it hears as a record does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.beats import FASTEST, SLOWEST, activations, find_metre, track
from muze.analysis.sound import hear
from muze.audio.io import resample
from muze.core.grid import Audio, TimeGrid
from muze.core.theory import NO_CHORD, Chord, Key

Record = dict[str, Any]

RATE = 22050
HOP = 512
SHARPNESS = 20.0
"""How much log-probability a cosine is worth."""
CHANGE = 3.0
"""Log-probability a change of chord costs, as in muze; with ``SHARPNESS`` chosen on other songs."""
KRUMHANSL = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each note fits a key (Krumhansl & Kessler 1982)."""


def muze_told(audio: Audio, grid: TimeGrid) -> Record:
    """Return the beats by muze's network, between two thirds and three halves of what was asked."""
    slowest, fastest = float(grid.bpm.min()) * 2 / 3, float(grid.bpm.max()) * 3 / 2
    slowest, fastest = max(slowest, SLOWEST), min(fastest, FASTEST)
    logits, downbeat, metres = activations(hear(audio))
    times = track(logits, slowest, fastest)
    metre, first = find_metre(times, downbeat, metres)
    beats = [grid.start + float(t) for t in times]
    downbeats = beats[first :: metre.beats_per_bar]
    told = {"beat_positions": beats, "downbeat_positions": downbeats}
    return {**told, "time_signature": str(metre)}


def librosa_beats(audio: Audio, grid: TimeGrid) -> Record:
    """Return the beats by dynamic programming (Ellis 2007), which knows no downbeats."""
    return _beats(audio, grid, {})


def librosa_told(audio: Audio, grid: TimeGrid) -> Record:
    """Return the beats by the same, its prior at the tempo that was asked."""
    return _beats(audio, grid, {"start_bpm": float(np.median(grid.bpm))})


def templates(audio: Audio, grid: TimeGrid) -> Record:
    """Return major and minor triads nearest to the chroma of each beat (Fujishima 1999)."""
    chroma = _chroma(audio)
    end = grid.start + grid.duration
    edges = [grid.start, *(float(t) for t in grid.beat_times if grid.start < t < end), end]
    spans = list(itertools.pairwise(edges))
    symbols = [f"{Chord(root, q, root)}" for q in ("", "m") for root in range(12)]
    known = np.zeros((len(symbols), 12))
    for row, symbol in zip(known, symbols, strict=True):
        chord = Chord.parse(symbol)
        assert chord is not None
        row[list(chord.pitch_classes)] = 1 / np.sqrt(3)
    index = ((np.asarray(edges) - grid.start) * RATE / HOP).astype(int)
    index = np.minimum(index, chroma.shape[1] - 1)
    means = np.stack([chroma[:, a : max(a + 1, b)].mean(1) for a, b in itertools.pairwise(index)])
    loud = np.linalg.norm(means, axis=1)
    cosine = means @ known.T / (loud[:, None] + 1e-9)
    told = _steady(SHARPNESS * cosine)
    return {
        "chords": [
            {"chord": symbols[i] if level > 1e-3 else NO_CHORD, "start": a, "end": b}
            for i, level, (a, b) in zip(told, loud, spans, strict=True)
        ]
    }


def key_profiles(audio: Audio, grid: TimeGrid) -> Record:  # noqa: ARG001
    """Return the key whose profile the mean chroma follows best (Krumhansl 1990)."""
    mean = _chroma(audio).mean(axis=1)
    profiles = [np.roll(KRUMHANSL[mode], tonic) for mode in KRUMHANSL for tonic in range(12)]
    fits = [float(np.corrcoef(mean, profile)[0, 1]) for profile in profiles]
    return {"key": str(Key.of_index(int(np.argmax(fits))))}


LISTENERS: dict[str, Callable[[Audio, TimeGrid], Record]] = {
    "muze, told the tempo": muze_told,
    "librosa": librosa_beats,
    "librosa, told the tempo": librosa_told,
    "templates": templates,
    "key profiles": key_profiles,
}


def name(listener: str) -> str:
    """Return a listener's name and the version of what it is made with."""
    if listener == "muze, told the tempo":
        return "muze beat network 1, told the tempo"
    about = {"templates": "chord templates on CQT chroma", "key profiles": "Krumhansl's profiles"}
    told = about.get(listener, listener.replace("librosa", "beat_track"))
    return f"{told} (librosa {version('librosa')})"


def _samples(audio: Audio) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = resample(Audio(audio.mono[None], audio.sample_rate), RATE).mono
    return samples


def _beats(audio: Audio, grid: TimeGrid, prior: dict[str, float]) -> Record:
    from librosa.beat import beat_track

    _, times = beat_track(y=_samples(audio), sr=RATE, hop_length=HOP, units="time", **prior)
    beats = [grid.start + float(t) for t in times]
    return {"beat_positions": beats, "downbeat_positions": beats[:1]}


def _chroma(audio: Audio) -> NDArray[np.float64]:
    from librosa.feature import chroma_cqt

    return np.asarray(chroma_cqt(y=_samples(audio), sr=RATE, hop_length=HOP, norm=None), float)


def _steady(likelihoods: NDArray[np.float64]) -> list[int]:
    """The likeliest row of (N, S) by row, each change costing ``CHANGE`` (Viterbi)."""
    total, back = likelihoods[0], []
    for row in likelihoods[1:]:
        best = int(total.argmax())
        stays = total >= total[best] - CHANGE
        back.append(np.where(stays, np.arange(len(total)), best))
        total = np.where(stays, total, total[best] - CHANGE) + row
    path = [int(total.argmax())]
    for came in reversed(back):
        path.append(int(came[path[-1]]))
    return path[::-1]
