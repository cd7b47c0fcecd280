"""What is done to the voice, and to the music beneath it: hisses, a room, room for the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from muze.audio.loudness import loudness
from muze.core.errors import AudioError
from muze.core.grid import Audio
from muze.voice.plan import EffectsPlan

HISS = 5000.0
"""Hz above which hisses are."""
HISSING = -6.0
"""dB of what is above ``HISS`` beside all of it, from which a sound hisses."""
RUMBLE = 70.0
"""Hz below which no voice is."""
ROOM, DAMPING = 0.45, 0.5
"""Size and damping of the room, 0 to 1."""
FOLLOW = 0.01
"""Seconds over which a level is taken."""
ATTACK, RELEASE = 0.08, 0.35
"""Seconds in which the music gives way, and comes back."""
SOUNDS = -35.0
"""dB beside its loudest at which the voice still counts as sounding."""

Curve = NDArray[np.float64]


def treat_voice(voice: Audio, plan: EffectsPlan) -> Audio:
    """Return the voice, (1, n), with its hisses held down and in a room.

    Raises:
        ModuleNotFoundError: pedalboard is not there; planning has told of it.
    """
    import pedalboard

    rate = voice.sample_rate
    dry = pedalboard.Pedalboard([pedalboard.HighpassFilter(RUMBLE)])(voice.mono, rate)
    dry = de_ess(np.asarray(dry, np.float32), rate, plan.de_ess)
    if plan.reverb > 0:
        room = pedalboard.Reverb(ROOM, DAMPING, wet_level=1.0, dry_level=0.0, width=0.0)
        wet = pedalboard.Pedalboard([room])(dry, rate)
        dry = dry + np.float32(plan.reverb) * np.asarray(wet, np.float32)
    return replace(voice, samples=np.ascontiguousarray(dry[None], np.float32))


def de_ess(samples: NDArray[np.float32], rate: int, most: float) -> NDArray[np.float32]:
    """Return a voice whose hisses are softer, by ``most`` dB where they are nothing else."""
    if most <= 0 or 0.45 * rate < HISS:
        return samples
    sections = signal.butter(4, HISS, "highpass", fs=rate, output="sos")
    hisses = signal.sosfiltfilt(sections, samples)
    share = 10 * np.log10((_power(hisses, rate) + 1e-12) / (_power(samples, rate) + 1e-9))
    down = most * np.clip((share - HISSING) / -HISSING, 0, 1)
    return np.asarray(samples - hisses * (1 - 10 ** (-down / 20)), np.float32)


def duck(music: Audio, voice: Audio, by: float) -> Audio:
    """Return the music softer by ``by`` dB while the voice sounds."""
    if by <= 0:
        return music
    rate = music.sample_rate
    level = 10 * np.log10(_power(voice.mono.astype(float), rate) + 1e-12)
    sounds = (level > level.max() + SOUNDS).astype(float)
    held = ndimage.maximum_filter1d(sounds, round(RELEASE * rate))
    smooth = ndimage.uniform_filter1d(held, round(ATTACK * rate), mode="nearest")
    gains = (10 ** (-by * smooth / 20)).astype(np.float32)
    return replace(music, samples=np.ascontiguousarray(music.samples * gains))


def at_level(voice: Audio, music: Audio, level: float) -> Audio:
    """Return the voice ``level`` LU louder than the music, each by where it sounds.

    Raises:
        AudioError: one of them is silent.
    """
    sung, played = loudness(voice), loudness(music)
    if not np.isfinite(sung) or not np.isfinite(played):
        who = "voice" if not np.isfinite(sung) else "music"
        raise AudioError(f"the {who} is silent, so that no level of the voice above it can be had")
    gain = np.float32(10 ** ((played + level - sung) / 20))
    return replace(voice, samples=voice.samples * gain)


def _power(samples: NDArray[np.floating], rate: int) -> Curve:
    return np.asarray(
        ndimage.uniform_filter1d(np.square(samples, dtype=float), round(FOLLOW * rate))
    )
