"""What a desk does to a mix: tone, a bandwidth, a compressor, and a voice's place in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from muze_corpus.render import SAMPLE_RATE, Audio, measured_loudness
from muze_corpus.score import Rng, chance

LEVELLED = 0.01
"""Seconds over which a compressor hears a level."""
RELEASE = 0.2
"""Seconds after a loud sound for which it is held down."""


@dataclass(frozen=True)
class Production:
    """Settings of one song's desk; None leaves a part out."""

    low: tuple[float, float]  # Hz, dB of a low shelf
    middle: tuple[float, float, float]  # Hz, dB, Q of a peak
    high: tuple[float, float]  # Hz, dB of a high shelf
    bandwidth: float | None  # Hz above which little is left
    compressor: tuple[float, float] | None  # dB above the usual level, ratio
    voice_level: float  # LU of the voice above the music
    voice_room: tuple[float, float]  # size 0 to 1, and share
    voice_tone: tuple[float, float]  # dB of a shelf below 200 Hz, and above 4 kHz


def draw_production(rng: Rng) -> Production:
    """The desk of a song; two of five songs pass it as they are."""
    plain = chance(rng, 0.4)
    spread = 0.0 if plain else 1.0
    low, middle, high = (float(np.clip(rng.normal(0, 3), -7, 6)) for _ in range(3))
    tone = (
        (round(float(rng.uniform(80, 250))), round(spread * low, 1)),
        (round(float(rng.uniform(400, 3000))), round(spread * middle, 1),
         round(float(rng.uniform(0.5, 1.5)), 2)),
        (round(float(rng.uniform(3000, 9000))), round(spread * high, 1)),
    )  # fmt: skip
    narrow = float(np.exp(rng.uniform(np.log(3500), np.log(11000))))
    narrowed = chance(rng, 0.2) and not plain
    threshold, ratio = float(rng.uniform(-6, 6)), float(rng.uniform(1.5, 4))
    pressed = chance(rng, 0.5) and not plain
    return Production(
        *tone, round(narrow) if narrowed else None,
        (round(threshold, 1), round(ratio, 1)) if pressed else None,
        round(float(rng.uniform(-1, 6)), 1),
        (round(float(rng.uniform(0.2, 0.9)), 2), round(float(rng.uniform(0, 0.3)), 2)),
        (round(float(rng.uniform(-6, 2)), 1), round(float(rng.uniform(-3, 5)), 1)),
    )  # fmt: skip


def toned(audio: Audio, production: Production) -> Audio:
    """The audio (samples,) through shelves, peak and bandwidth: linear, so stems add up."""
    from pedalboard import HighShelfFilter, LowpassFilter, LowShelfFilter, PeakFilter, Pedalboard

    board = Pedalboard([
        LowShelfFilter(*production.low),
        PeakFilter(*production.middle),
        HighShelfFilter(*production.high),
        *(LowpassFilter(hertz) for hertz in [production.bandwidth] * 2 if hertz),
    ])  # fmt: skip
    out: Audio = np.asarray(board(audio, SAMPLE_RATE), np.float32)
    return out


def pressing_gain(audio: Audio, production: Production) -> Audio:
    """The gain (samples,) of the compressor: what is louder than usual is held down.

    The usual level is the mean power where anything sounds. One curve serves mix and stems.
    """
    if production.compressor is None:
        return np.ones(len(audio), np.float32)
    above, ratio = production.compressor
    power = uniform_filter1d(np.square(audio, dtype=np.float64), int(LEVELLED * SAMPLE_RATE))
    level = 10 * np.log10(power + 1e-12)
    usual = 10 * np.log10(power[power > 1e-7].mean()) if (power > 1e-7).any() else 0.0
    over = np.maximum(0, level - usual - above)
    held = maximum_filter1d(over, int(RELEASE * SAMPLE_RATE))
    smooth = uniform_filter1d(held, int(RELEASE * SAMPLE_RATE))
    gain: Audio = (10 ** (-(1 - 1 / ratio) * smooth / 20)).astype(np.float32)
    return gain


def placed_voice(voice: Audio, music: Audio, production: Production, louder: float = 0.0) -> Audio:
    """The voice (samples,) toned, in its room, and as loud beside the music as the desk says."""
    from pedalboard import HighpassFilter, HighShelfFilter, LowShelfFilter, Pedalboard, Reverb

    low, high = production.voice_tone
    size, share = production.voice_room
    dry = Pedalboard([HighpassFilter(70.0), LowShelfFilter(200, low), HighShelfFilter(4000, high)])(
        voice, SAMPLE_RATE
    )
    room = Reverb(room_size=size, damping=0.5, wet_level=share, dry_level=1.0, width=0.0)
    wet = np.asarray(Pedalboard([room])(dry, SAMPLE_RATE), np.float32)
    level = measured_loudness(music) + production.voice_level + louder - measured_loudness(wet)
    placed: Audio = wet * np.float32(10 ** (level / 20))
    return placed
