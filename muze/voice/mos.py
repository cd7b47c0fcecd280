"""How good a voice sounds, as DNSMOS predicts listeners' opinions of speech (Reddy et al. 2022).

Its network comes from the package speechmos (MIT), run without the rest of that package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.voice.voice_score import VoiceScore

MOS = "vocal MOS (DNSMOS OVRL)"
RATE, WINDOW, HOP = 16_000, 144_160, 16_000
"""Samples a second, of the 9.01 s that are heard at once, and from one hearing to the next."""
OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""Polynomial from what the network tells to the scale of opinions, 1 to 5 (speechmos)."""
REST = 0.25
"""Seconds that are heard before and after a line; longer rests say nothing of a voice."""


def mos_scores(voice: Audio, spans: Sequence[tuple[float, float]]) -> list[VoiceScore]:
    """Return the mean opinion, 1 to 5, of a voice where it sings: ``spans`` are its lines."""
    by, heard = "DNSMOS of P.835", sung(voice, spans)
    if not heard.samples.any():
        why = "the voice is silent where it should sing"
        return [VoiceScore(MOS, None, "of 5", True, by, reason=why)]
    try:
        opinion = mean_opinion(heard)
    except NotInstalledError as fault:
        return [VoiceScore(MOS, None, "of 5", True, by, reason=str(fault))]
    return [VoiceScore(MOS, opinion, "of 5", True, f"{by} (speechmos {version('speechmos')})")]


def mean_opinion(audio: Audio) -> float:
    """Return what DNSMOS thinks of a voice overall, a mean over windows; short ones are repeated.

    There must be a sample at least.

    Raises:
        NotInstalledError: the package is missing; says how to get it.
    """
    samples = resample(Audio(audio.mono[None], audio.sample_rate), RATE).samples[0].clip(-1, 1)
    while len(samples) < WINDOW:
        samples = np.concatenate([samples, samples])
    session = _session(_find())
    found = [
        session.run(None, {"input_1": samples[None, first : first + WINDOW]})[0][0][2]
        for first in range(0, len(samples) - WINDOW + 1, HOP)
    ]
    return float(np.mean(np.polyval(OVERALL, found)))


def sung(voice: Audio, spans: Sequence[tuple[float, float]]) -> Audio:
    """Return a voice without its rests."""
    kept: NDArray[np.bool_] = np.zeros(voice.samples.shape[1], bool)
    for start, end in spans:
        first, last = (round(t * voice.sample_rate) for t in (start - REST, end + REST))
        kept[max(0, first) : max(0, last)] = True
    return Audio(voice.samples[:, kept], voice.sample_rate)


def _find() -> Path:
    found = importlib.util.find_spec("speechmos")  # does not run it: only its network is used
    if found is None or not found.submodule_search_locations:
        raise NotInstalledError("DNSMOS needs the network in speechmos: pip install 'muze[mos]'")
    return Path(next(iter(found.submodule_search_locations)))


@lru_cache(maxsize=1)
def _session(package: Path) -> Any:  # Any: onnxruntime is untyped
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    file = package / "dnsmos_models" / "sig_bak_ovr.onnx"
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
