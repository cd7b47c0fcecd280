"""Beats, tempo, downbeats and metre of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.analysis.beat_features import FRAME_RATE, beat_features
from muze.analysis.sound import Sound, hear
from muze.core.grid import Audio, Metre, TimeGrid

if TYPE_CHECKING:
    from muze.analysis.beat_network import BeatNetwork

WEIGHTS = Path(__file__).with_name("beat_network.safetensors")

# Constants of the decoding, chosen on training songs of muze-corpus. Steps are of 10 ms.
STEPS = 100
SLOWEST, FASTEST = 58.0, 190.0  # BPM
BEAT_BIAS = 0.25  # taken off the logit of a beat, which was trained with a weight on beats
PERIOD_CHANGE = 60.0  # log-probability lost by a beat twice as long as the last
JITTER = 0.2  # log-probability lost by a beat one step longer or shorter than the last
METRE_WEIGHT = 8.0  # how many downbeats the network's opinion of the metre counts for
FEWEST = 4  # beats; fewer are none


@dataclass(frozen=True)
class Beats:
    """Beats heard: seconds of the song, the index of the first downbeat, and the metre."""

    times: NDArray[np.float64]
    first_downbeat: int
    metre: Metre
    confidence: float
    """Mean probability of a beat where the beats are, 0 to 1."""


def hear_beats(audio: Audio, grid: TimeGrid) -> Beats | None:
    """Return the beats of a recording that starts at ``grid.start``; None where there are none."""
    heard = _beats(hear(audio))
    if heard is None:
        return None
    return replace(heard, times=heard.times + grid.start)


def tempo_curve(audio: Audio, grid: TimeGrid) -> NDArray[np.float64] | None:
    """Return the tempo at each frame in BPM, over the eight beats around it, (T,); None without."""
    heard = hear_beats(audio, grid)
    return None if heard is None else tempo_of(heard.times, grid)


def tempo_of(times: NDArray[np.float64], grid: TimeGrid) -> NDArray[np.float64]:
    """Return the tempo at each frame in BPM, over the eight beats around it, (T,)."""
    reach = min(4, (len(times) - 1) // 2)
    wide = times[2 * reach :] - times[: -2 * reach]
    centres = times[reach : len(times) - reach]
    return np.interp(grid.seconds, centres, 60.0 * 2 * reach / wide)


def count_beats(times: ArrayLike, grid: TimeGrid) -> NDArray[np.float64]:
    """Return the place of each frame in a list of beat times, in beats, shape (T,).

    Between beats it is drawn in a line; before the first and after the last the tempo goes on.
    """
    at = np.asarray(times, float)
    numbers = np.arange(len(at))
    beats: NDArray[np.float64] = np.interp(grid.seconds, at, numbers)
    early, late = grid.seconds < at[0], grid.seconds > at[-1]
    beats[early] = (grid.seconds[early] - at[0]) / (at[1] - at[0])
    beats[late] = numbers[-1] + (grid.seconds[late] - at[-1]) / (at[-1] - at[-2])
    return beats


@lru_cache(maxsize=4)
def _beats(sound: Sound) -> Beats | None:
    if sound.silent or sound.duration < 60 / SLOWEST:
        return None
    beat, downbeat, metres = activations(sound)
    times = track(beat)
    if len(times) < FEWEST:
        return None
    metre, first = find_metre(times, downbeat, metres)
    index = np.clip((times * FRAME_RATE).astype(int), 1, len(beat) - 2)
    logits = np.max([beat[index + shift] for shift in (-1, 0, 1)], axis=0) - BEAT_BIAS
    return Beats(times, first, metre, float((1 / (1 + np.exp(-logits))).mean()))


def activations(
    sound: Sound,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return logits of beat and downbeat (N,) at 50 Hz, and log-probabilities of metres (3,)."""
    import torch

    with torch.inference_mode():
        logits = _network()(torch.from_numpy(beat_features(sound))[None])[0]
        metres = logits[2:].log_softmax(dim=0).mean(dim=1)
    return logits[0].double().numpy(), logits[1].double().numpy(), metres.double().numpy()


@lru_cache(maxsize=1)
def _network() -> BeatNetwork:
    from safetensors.torch import load_file

    from muze.analysis.beat_network import BeatNetwork

    network = BeatNetwork()
    network.load_state_dict({name: x.float() for name, x in load_file(WEIGHTS).items()})
    return network.eval()


def track(
    logits: NDArray[np.float64], slowest: float = SLOWEST, fastest: float = FASTEST
) -> NDArray[np.float64]:
    """Return the likeliest beat times in seconds, given the logits of a beat (N,) at 50 Hz.

    Viterbi over the time and length of each beat; a length may change a little from beat to beat
    (Krebs, Boeck & Widmer 2015).
    """
    steps = np.arange(len(logits) * STEPS // FRAME_RATE)
    score = np.interp((steps + 0.5) / STEPS * FRAME_RATE - 0.5, np.arange(len(logits)), logits)
    score = np.clip(score, -6, 6) - BEAT_BIAS
    periods = np.arange(round(60 * STEPS / fastest), round(60 * STEPS / slowest) + 1)
    if len(score) <= periods[-1]:
        return np.zeros(0)
    octaves = np.log2(periods)
    one_step = 1.01 * np.log2(1 + 1 / periods)  # lengths are whole steps, so one more is no change
    turn = np.maximum(np.abs(octaves[:, None] - octaves[None]) - one_step, 0)
    change = -PERIOD_CHANGE * turn - JITTER * (periods[:, None] != periods)
    # best[t % reach, p]: a beat at t, and the next one p steps later; none is longer than reach
    reach = int(periods[-1])
    best = np.zeros((reach, len(periods)))
    came = np.empty((len(score), len(periods)), np.int16)  # an index of periods
    rows = np.arange(len(periods))
    for t in range(len(score)):
        before = t - periods
        arrived = best[before % reach, rows]
        arrived[before < 0] = 0.0  # the first beat of the recording
        onward = arrived[:, None] + change
        came[t] = onward.argmax(axis=0)
        best[t % reach] = onward[came[t], rows] + score[t]
    # the last beat is the best one whose successor lies beyond the end
    last = np.arange(len(score) - reach, len(score))
    late = last[:, None] + periods >= len(score)
    row, p = divmod(int(np.where(late, best[last % reach], -np.inf).argmax()), len(periods))
    t = int(last[row])
    times = []
    while t >= 0:
        times.append(t)
        p = int(came[t, p])
        t -= int(periods[p])
    return (np.asarray(times[::-1], float) + 0.5) / STEPS


def find_metre(
    times: NDArray[np.float64], downbeat: NDArray[np.float64], metres: NDArray[np.float64]
) -> tuple[Metre, int]:
    """Return the likeliest metre, and the index of the first downbeat in it.

    Each metre and phase makes some beats downbeats and the others not; the network's logits of a
    downbeat (N,) at 50 Hz judge them, and its log-probabilities of the metres (3,) count besides.
    """
    from muze.analysis.beat_network import METRES

    index = np.clip((times * FRAME_RATE).astype(int), 1, len(downbeat) - 2)
    logits = np.max([downbeat[index + shift] for shift in (-1, 0, 1)], axis=0)
    best, found = -np.inf, (Metre(), 0)
    for name, odds in zip(METRES, metres, strict=True):
        metre = Metre.parse(name)
        for first in range(metre.beats_per_bar):
            sign = np.where(np.arange(len(times)) % metre.beats_per_bar == first, 1.0, -1.0)
            likelihood = -float(np.logaddexp(0, -sign * logits).sum()) + METRE_WEIGHT * float(odds)
            if likelihood > best:
                best, found = likelihood, (metre, first)
    return found
