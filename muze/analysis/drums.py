"""Drums: hits drawn on a grid, read from it, and heard in a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muze.analysis.onsets import log_mel
from muze.analysis.sound import Sound, hear
from muze.core.grid import Array, Audio, TimeGrid

if TYPE_CHECKING:
    from muze.analysis.drum_network import DrumNetwork

DRUMS = ("kick", "snare", "hat", "tom", "cymbal")
"""Snare: rim shots and claps too. Hat: open, closed and by foot. Cymbal: ride, crash, splash."""
Hit = tuple[float, float]
"""Seconds of the song, and strength from 0 to 1."""
Hits = dict[str, list[Hit]]
"""By drum, in order of time."""

USUAL, ACCENT = 0.7, 1.0
"""Strength of a plain hit and of an accent."""
DECAY = float(np.exp(-1 / 5))
"""Share of a hit left a frame later: it rings on for 50 ms, which a latent frame of 80 ms sees."""
TAIL = 20  # frames after which a hit has died away: 2 % of it
WEIGHTS = Path(__file__).with_name("drum_network.safetensors")
LIKELY = (0.6, 0.6, 0.6, 0.5, 0.6)
"""By drum, the probability from which on a hit is one; chosen on songs of the training split."""
APART = 3  # frames between two hits of one drum


def draw_hits(hits: Mapping[str, Sequence[Hit]], grid: TimeGrid) -> NDArray[np.float32]:
    """Return hits as pulses of their strength that die away over 200 ms, shape (5, T)."""
    drawn = np.zeros((len(DRUMS), grid.frames + TAIL), np.float32)
    fading = DECAY ** np.arange(TAIL)
    for row, drum in zip(drawn, DRUMS, strict=True):
        for time, strength in hits.get(drum, ()):
            # a millionth of a frame of slack, so that rounding moves no hit on a frame's very edge
            first = int(np.floor((time - grid.start) * grid.frame_rate + 1e-6))
            if -TAIL < first < grid.frames:
                rings = row[max(first, 0) : first + TAIL]
                np.maximum(rings, strength * fading[max(-first, 0) :], out=rings)
    return drawn[:, : grid.frames]


def read_hits(drawn: Array, grid: TimeGrid) -> Hits:
    """Return the hits of pulses (5, T): the middle of each frame that is more than a fading."""
    left = np.pad(drawn, ((0, 0), (1, 0)))[:, :-1] * DECAY
    struck = drawn > np.maximum(left + 0.01, 0.05)
    return {
        drum: [(float(grid.seconds[t]), float(row[t])) for t in np.flatnonzero(new)]
        for drum, row, new in zip(DRUMS, drawn, struck, strict=True)
    }


def hear_drums(audio: Audio, grid: TimeGrid) -> Hits | None:
    """Return the hits heard in a recording that starts at ``grid.start``; None in silence."""
    sound = hear(audio)
    if sound.silent:
        return None
    likely, strength = activations(sound)
    return {
        drum: [
            ((t + 0.5) / 100 + grid.start, float(np.clip(hard[t], 0.1, 1)))
            for t in _peaks(row, threshold)
        ]
        for drum, row, hard, threshold in zip(DRUMS, likely, strength, LIKELY, strict=True)
    }


@lru_cache(maxsize=4)
def activations(sound: Sound) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the probability of a hit of each drum and its strength, (5, N) each at 100 Hz."""
    import torch

    with torch.inference_mode():
        hit, strength = _network()(torch.from_numpy(log_mel(sound))[None])
    return hit[0].sigmoid().numpy(), strength[0].numpy()


@lru_cache(maxsize=1)
def _network() -> DrumNetwork:
    from safetensors.torch import load_file

    from muze.analysis.drum_network import DrumNetwork

    network = DrumNetwork()
    network.load_state_dict({name: x.float() for name, x in load_file(WEIGHTS).items()})
    return network.eval()


def _peaks(row: NDArray[np.float32], threshold: float) -> list[int]:
    """Frames where a curve (N,) is highest among its neighbours and over the threshold."""
    from scipy.ndimage import maximum_filter1d

    found: list[int] = []
    for t in np.flatnonzero((row == maximum_filter1d(row, 2 * APART + 1)) & (row > threshold)):
        if not found or t - found[-1] > APART:  # else a plateau
            found.append(int(t))
    return found
