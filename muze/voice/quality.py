"""How well a recording tells a voice: its length, level, noise, and who and what else is in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.sound import hear
from muze.audio.io import resample
from muze.audio.loudness import loudness
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry

Samples = NDArray[np.float32]

RATE = 16_000
SHORTEST, SHORT = 3.0, 10.0
"""Seconds below which a voice cannot be told, and below which it is told badly."""
SOFTEST, LOUDEST = -35.0, -9.0
"""LUFS between which a recording is made well."""
SNR = 20.0
"""dB of voice over noise from which a recording is clean."""
MUSIC_DB = -16.0
"""dB of steady pitches beside the voice from which music lies under it."""
NOISE_FLATNESS = -8.0
"""dB of the spectral flatness of what is always there, above which it is noise."""
OTHER_SPEAKER, PART = 0.77, 0.12
"""Cosine of two groups of windows below which two speak, and the smaller one's least share."""
WINDOW, MOST_WINDOWS = 1.6, 40
"""Seconds that Resemblyzer hears at once, and how many windows are listened to."""
LISTENED = 60.0
"""Seconds of a recording in which music is looked for."""
RUN, MOST_CLIPPED = 3, 1e-4
"""Samples at the peak in a row that are a clipped wave, and the share of such that is told."""
HUM = (40.0, 68.0)
"""Hz where mains hum, which is noise and no music."""


@dataclass(frozen=True)
class Quality:
    """What was found of a recording; a figure is None where it could not be told."""

    seconds: float
    lufs: float | None
    peak_db: float | None
    clipped: float
    """Share of the samples that lie on a clipped peak."""
    snr_db: float | None = None
    music_db: float | None = None
    """Steady pitches beside the voice, dB below it."""
    speakers_cosine: float | None = None
    """How alike its two most different parts are by their speaker; 1 is the same."""
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    embedding: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    """The speaker (256,) by Resemblyzer; None where that is not installed."""

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return the figures and what was told of them."""
        told = asdict(self)
        del told["embedding"]
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in told.items()}


def reference_quality(audio: Audio, registry: Registry) -> Quality:
    """Return how well a recording tells one voice; what is wrong stands in words, with figures."""
    mono = Audio(np.ascontiguousarray(audio.mono[None]), audio.sample_rate)
    samples = mono.samples[0]
    peak = float(np.abs(samples).max(initial=0.0))
    level = loudness(mono)
    clipped = _clipped(samples, peak)
    if hear(mono).silent or not np.isfinite(level):
        told = f"is silent: its peak is {_db(peak)}"
        return Quality(mono.duration, None, None, clipped, errors=(told,))
    warnings, errors = _length(mono.duration)
    if errors:
        return Quality(mono.duration, level, _decibels(peak), clipped, errors=errors)
    if not SOFTEST <= level <= LOUDEST:
        far = "soft" if level < SOFTEST else "loud"
        warnings.append(f"is very {far}: {level:.1f} LUFS; {SOFTEST:g} to {LOUDEST:g} are good")
    if clipped > MOST_CLIPPED:
        warnings.append(f"is clipped: {clipped:.2%} of it lies on a cut peak; record it softer")
    heard = resample(mono, RATE).samples[0] * np.float32(0.5 / peak)  # as listeners are used to
    snr, flat = _noise(heard)
    music = _music(Audio(heard[None, : round(LISTENED * RATE)], RATE), registry)
    has_music = music > MUSIC_DB and flat < NOISE_FLATNESS
    if has_music:
        warnings.append(
            f"has music or other tones under the voice: {music:.0f} dB beside it; "
            "`muze voices extract` takes the voice out"
        )
    elif snr < SNR:
        warnings.append(f"is noisy: the voice is {snr:.0f} dB over the noise; {SNR:g} dB are good")
    embedding = cosine = None
    try:
        embedding, cosine, share = _speakers(Audio(heard[None], RATE), registry)
        if embedding is None:
            warnings.append("lets no voice be heard by Resemblyzer")
        if cosine is not None and cosine < OTHER_SPEAKER and share >= PART:
            warnings.append(
                f"seems to hold more than one speaker: {share:.0%} of it is as unlike the rest as "
                f"another voice is (cosine {cosine:.2f})"
            )
    except NotInstalledError as fault:
        warnings.append(f"was not asked whether one speaks or more: {fault}")
    return Quality(
        mono.duration, level, _decibels(peak), clipped, snr, music, cosine, tuple(warnings), (),
        embedding,
    )  # fmt: skip


def _length(seconds: float) -> tuple[list[str], tuple[str, ...]]:
    if seconds < SHORTEST:
        return [], (f"lasts {seconds:.1f} s; {SHORTEST:g} s at least tell a voice, better 30",)
    short = f"lasts {seconds:.1f} s; {SHORT:g} s and more tell a voice better"
    return ([short] if seconds < SHORT else []), ()


def _clipped(samples: Samples, peak: float) -> float:
    """Return the share of samples in runs at the peak, which no voice has by itself."""
    if peak == 0.0:
        return 0.0
    top = np.concatenate([[False], np.abs(samples) >= 0.999 * peak, [False]])
    edges = np.flatnonzero(top[1:] != top[:-1])
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= RUN].sum() / len(samples))


def _noise(samples: Samples) -> tuple[float, float]:
    """Return the dB of all that sounds over what always sounds, and the flatness of that, in dB.

    What always sounds is the tenth percentile of each bin, brought to the mean of noise whose
    power is distributed exponentially (minimum statistics, Martin 2001).
    """
    import librosa

    power = np.abs(librosa.stft(samples, n_fft=1024, hop_length=256)) ** 2
    power = power[np.fft.rfftfreq(1024, 1 / RATE) > HUM[0]]
    floor = np.percentile(power, 10, axis=1) / -np.log(0.9)
    flat = float(np.exp(np.log(floor + 1e-12).mean()) / (floor.mean() + 1e-12))
    snr = float(power.mean(1).sum() / max(float(floor.sum()), 1e-12))
    return _decibels(snr, power=True), _decibels(flat, power=True)


def _music(audio: Audio, registry: Registry) -> float:
    """Return the dB of the steady pitches that are left without the voice's own, beside the voice.

    The foreground separator takes the voice's harmonics out; of the rest, which holds consonants
    too, harmonic-percussive separation (Driedger et al. 2014, margin 3) keeps what lasts.
    """
    import librosa
    from librosa.decompose import hpss

    cls = registry.get("separator", "foreground")
    with registry.blame("foreground", "look for music"):
        voice = cls(cls.Config()).separate(audio)["vocals"].mono
    rest = librosa.stft(audio.mono - voice, n_fft=2048, hop_length=512)
    own = librosa.stft(voice, n_fft=2048, hop_length=512)
    steady, _ = hpss(rest, margin=3.0)
    hertz = np.fft.rfftfreq(2048, 1 / RATE)
    kept = (hertz > HUM[1]) | (hertz < HUM[0])
    of_rest = float((np.abs(steady[kept]) ** 2).sum())
    of_voice = float((np.abs(own[kept]) ** 2).sum())
    return _decibels(of_rest / max(of_voice, 1e-12), power=True)


def _speakers(
    audio: Audio, registry: Registry
) -> tuple[NDArray[np.float32] | None, float | None, float]:
    """Return the speaker, how alike the two groups of windows are, and the smaller one's share."""
    from scipy.cluster.hierarchy import fcluster, linkage

    cls = registry.get("stream", "voice")
    stream = cls(cls.Config(ecapa=None))

    def embed(part: Samples) -> NDArray[np.float32] | None:
        piece = Audio(np.ascontiguousarray(part[None]), RATE)
        found = stream.extract(piece, TimeGrid.of_song(piece.duration))
        return found["resemblyzer"] if found["given"][0] else None

    with registry.blame("voice", "listen to a recording"):
        whole = embed(audio.samples[0])
        length = round(WINDOW * RATE)
        last = audio.samples.shape[1] - length
        num = min(MOST_WINDOWS, 1 + 2 * last // length)
        starts = np.linspace(0, last, num).astype(int)
        told = [embed(audio.samples[0, start : start + length]) for start in starts]
    rows = np.asarray([one for one in told if one is not None])
    if whole is None or len(rows) < 4:
        return whole, None, 0.0
    groups = fcluster(linkage(rows, "average", metric="cosine"), 2, "maxclust")
    one, other = rows[groups == 1].mean(0), rows[groups == 2].mean(0)
    share = float(min((groups == 1).mean(), (groups == 2).mean()))
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return whole, float(one @ other) / norm if norm else None, share


def _decibels(value: float, power: bool = False) -> float:
    return (10 if power else 20) * float(np.log10(max(value, 1e-12)))


def _db(value: float) -> str:
    return f"{_decibels(value):.0f} dBFS" if value else "nothing at all"
