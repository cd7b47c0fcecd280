"""Notes heard in sound: which pitches are struck when, whatever plays them."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import RATE, Sound, hear
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio

LOWEST, NUM_KEYS = 21, 88  # A0 to C8
LIBRARY = "basic-pitch"
WEIGHTS = "basic_pitch/saved_models/icassp_2022/nmp.onnx"
SAMPLE_RATE, HOP, WINDOW = 22050, 256, 43844  # what its network takes, about 2 s at once
FRAMES = WINDOW // HOP + 1
EDGE = 15  # frames at either end of a window that hear too little of what is around them
KEYS = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]
"""Its outputs: how likely each key sounds, and is struck."""
# chosen on 24 training songs of muze-corpus, full mixes with drums
STRUCK, SOUNDS = 0.57, 0.25
SHORTEST = 0.05  # seconds
PAUSE = 3  # frames without sound that end a note


class HeardNote(NamedTuple):
    """MIDI pitch, and start and end in seconds from the start of the sound."""

    pitch: int
    start: float
    end: float


def transcriber_name() -> str:
    """Return what listens, its library and that one's version, as reports tell it."""
    try:
        return f"Basic Pitch (basic-pitch {version(LIBRARY)})"
    except PackageNotFoundError:
        return "Basic Pitch (basic-pitch, not installed)"


def hear_notes(audio: Audio) -> tuple[HeardNote, ...]:
    """Return the notes heard, in order (Bittner et al. 2022, arXiv:2203.09893).

    Raises:
        NotInstalledError: basic-pitch is not installed.
    """
    sound = hear(audio)
    return () if sound.silent else _heard(sound)


@lru_cache(maxsize=2)
def _heard(sound: Sound) -> tuple[HeardNote, ...]:
    import soxr

    samples = np.asarray(soxr.resample(sound.samples, RATE, SAMPLE_RATE), np.float32)
    sounds, struck = _likelihoods(samples)
    notes = []
    for key in range(NUM_KEYS):
        for first, last in _spans(sounds[key], struck[key]):
            start, end = first * HOP / SAMPLE_RATE, last * HOP / SAMPLE_RATE
            if end - start >= SHORTEST:
                notes.append(HeardNote(LOWEST + key, start, end))
    return tuple(sorted(notes, key=lambda note: (note.start, note.pitch)))


def _likelihoods(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each key sounds, and is struck, in each frame of 12 ms, (2, 88, N)."""
    session, name = _session()
    count, step = len(samples) // HOP + 1, FRAMES - 2 * EDGE
    # the network's frame t is centred at t * HOP
    padded = np.pad(samples, (EDGE * HOP, WINDOW))
    parts = []
    for first in range(0, count, step):
        window = padded[first * HOP : first * HOP + WINDOW]
        window = np.pad(window, (0, WINDOW - len(window)))
        heard = session.run(KEYS, {name: window[None, :, None]})
        parts.append(np.concatenate(heard)[:, EDGE : EDGE + step])
    return np.asarray(np.concatenate(parts, axis=1)[:, :count].transpose(0, 2, 1))


def _spans(sounds: NDArray[np.float32], struck: NDArray[np.float32]) -> list[tuple[int, int]]:
    """First frame and one past the last of each note of one key, from what is likely (N,)."""
    padded = np.pad(struck, 1)
    peaks = (struck >= STRUCK) & (struck >= padded[:-2]) & (struck > padded[2:])
    spans = []
    for start, after in pairwise([*map(int, np.flatnonzero(peaks)), len(struck)]):
        quiet = np.cumsum(np.pad(sounds[start + 1 : after] < SOUNDS, (PAUSE, 0)))
        paused = np.flatnonzero(quiet[PAUSE:] - quiet[:-PAUSE] == PAUSE)
        spans.append((start, start + 2 + int(paused[0]) - PAUSE if len(paused) else after))
    return spans


@lru_cache(maxsize=1)
def _session() -> tuple[Any, str]:  # Any: onnxruntime has no types
    """The network and the name of its input; of the package nothing but this file is used."""
    try:
        path = Path(str(distribution(LIBRARY).locate_file(WEIGHTS)))
    except PackageNotFoundError:
        raise NotInstalledError(
            f"hearing notes needs {LIBRARY}, which is not installed; pip install --no-deps "
            f"{LIBRARY} (without what it depends on, TensorFlow, which is not used)"
        ) from None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the same bits however many cores there are
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name
