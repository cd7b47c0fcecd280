"""When each sound is said, of a voice that does not tell: heard beside a voice that does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import MuzeError, NotInstalledError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.core.voices import PhoneSpan, Spoken, speak_timed

TELLS = "espeak"
"""The backend beside which others are heard: it speaks all languages, and tells its times."""
RATE, HOP = 16_000, 160
"""Samples a second at which both are heard, and between frames: 10 ms."""
NUM_MFCC = 13


def with_times(spoken: Spoken, text: str, language: str, registry: Registry) -> Spoken:
    """Return the speech with the times of its sounds; as it is where it has them.

    Where it has none, espeak-ng says the same, and tells when; the two are warped onto each other
    (dynamic time warping of MFCCs, as in Malfrere et al. 2003). Its times are as good as that:
    within some hundredths of a second of a voice's own.

    Raises:
        NotInstalledError: espeak-ng is needed and not there.
    """
    if spoken.phones:
        return spoken
    cls = registry.get("voice", TELLS)
    try:
        backend = cls(cls.Config())
        with registry.blame(TELLS, "tell when sounds are said"):
            other = speak_timed(backend, text, backend.voices()[0], language)
    except NotInstalledError as fault:
        raise NotInstalledError(
            f"this voice does not tell when it says its sounds, and hearing that needs: {fault}"
        ) from None
    times = _warped(spoken.audio, other.audio)
    if not other.phones:
        raise MuzeError(f"espeak-ng says nothing of {text[:40]!r}")
    edges = np.asarray([[span.start, span.end] for span in other.phones])
    found = np.interp(edges, np.arange(len(times)) * HOP / RATE, times)
    spans = [
        PhoneSpan(span.phone, float(start), float(end))
        for span, (start, end) in zip(other.phones, found, strict=True)
        if end > start
    ]
    return replace(spoken, phones=tuple(spans))


def _warped(audio: Audio, other: Audio) -> NDArray[np.float64]:
    """Return for each frame of the other sound when the same is heard in the first, seconds."""
    from librosa.sequence import dtw

    first, second = _sounds(audio), _sounds(other)
    _, path = dtw(first, second, metric="cosine")
    pairs = np.asarray(path)[::-1]
    at: dict[int, list[int]] = {}
    for here, there in pairs:
        at.setdefault(int(there), []).append(int(here))
    known = sorted(at)
    means = [float(np.mean(at[frame])) * HOP / RATE for frame in known]
    return np.maximum.accumulate(np.interp(np.arange(second.shape[1]), known, means))


def _sounds(audio: Audio) -> NDArray[np.float64]:
    """Return MFCCs and their change, the mean of each taken off, (2 * 13, T)."""
    import soxr
    from librosa.feature import delta, mfcc

    samples = soxr.resample(audio.mono, audio.sample_rate, RATE)
    cepstra = mfcc(y=samples, sr=RATE, n_mfcc=NUM_MFCC, hop_length=HOP, n_fft=512)
    cepstra = (cepstra - cepstra.mean(axis=1, keepdims=True)) / cepstra.std(axis=1, keepdims=True)
    return np.concatenate([cepstra, delta(cepstra, width=5)])
