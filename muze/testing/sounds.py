"""Synthetic sound whose tempo, chords and notes are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from muze.core.grid import Audio
from muze.core.theory import Chord

SAMPLE_RATE = 32000


def silence(duration: float) -> Audio:
    """Return ``duration`` seconds of nothing."""
    return _mono(np.zeros(_length(duration)))


def noise(duration: float, level: float = 0.2, seed: int = 0) -> Audio:
    """Return white noise of ``level`` RMS."""
    return _mono(level * np.random.default_rng(seed).standard_normal(_length(duration)))


def sine(hertz: float, duration: float, level: float = 0.5) -> Audio:
    """Return one tone of amplitude ``level``."""
    return _mono(level * np.sin(2 * np.pi * hertz * _seconds(duration)))


def clicks(times: ArrayLike, duration: float, accents: ArrayLike = ()) -> Audio:
    """Return a click at each of ``times``; those also among ``accents`` are louder and higher."""
    samples = np.zeros(_length(duration))
    t = _seconds(0.05)
    for time in np.atleast_1d(np.asarray(times, float)):
        strong = bool(np.isclose(time, np.asarray(accents, float)).any())
        click = (0.8 if strong else 0.4) * np.sin(2 * np.pi * (1500 if strong else 1000) * t)
        first = round(float(time) * SAMPLE_RATE)
        part = samples[first : first + len(t)]
        part += (click * np.exp(-t / 0.01))[: len(part)]
    return _mono(samples)


def chords(symbols: Sequence[str], seconds_per_chord: float, level: float = 0.4) -> Audio:
    """Return the chords one after another, with a bass note and four harmonics; ``N`` is silent."""
    parts = []
    for symbol in symbols:
        chord, total = Chord.parse(symbol), np.zeros(_length(seconds_per_chord))
        if chord is not None:
            notes = [36 + chord.bass, *(60 + tone for tone in chord.pitch_classes)]
            total = np.sum([_tone(note, seconds_per_chord) for note in notes], axis=0)
            total *= level / np.abs(total).max()
        parts.append(total * _envelope(len(total)))
    return _mono(np.concatenate(parts))


def melody(notes: Sequence[float | None], seconds_per_note: float, level: float = 0.5) -> Audio:
    """Return MIDI notes one after another, a sine each without a break in phase; None is a rest."""
    length = _length(seconds_per_note)
    hertz = np.repeat([0.0 if n is None else midi_to_hz(n) for n in notes], length)
    sounding = np.repeat([n is not None for n in notes], length)
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    envelope = np.tile(_envelope(length), len(notes))
    return _mono(level * np.sin(phase) * sounding * envelope)


def midi_to_hz(note: float) -> float:
    """Return the frequency of a MIDI note; 69 is 440 Hz."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def _tone(note: float, duration: float) -> NDArray[np.float64]:
    t, hertz = _seconds(duration), midi_to_hz(note)
    tone: NDArray[np.float64] = np.sum(
        [np.sin(2 * np.pi * k * hertz * t) / k for k in range(1, 5)], axis=0
    )
    return tone


def _envelope(length: int) -> NDArray[np.float64]:
    """Rise and fall of 5 ms, so that a change of note is no click."""
    ramp = np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.005 * SAMPLE_RATE)
    envelope: NDArray[np.float64] = np.minimum(ramp, 1.0)
    return envelope


def _length(duration: float) -> int:
    return round(duration * SAMPLE_RATE)


def _seconds(duration: float) -> NDArray[np.float64]:
    return np.arange(_length(duration)) / SAMPLE_RATE


def _mono(samples: NDArray[np.float64]) -> Audio:
    return Audio(samples.astype(np.float32)[None], SAMPLE_RATE)
