"""Short clips in which everything is known: a band, and a voice that sings or speaks over it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.known_sounds import spoken
from benchmarks.small_band import GENRES, PLAY, Wave, band, levelled, played, struck
from muze.analysis.phonemes import write_ipa
from muze.analysis.phonemizers import read_words
from muze.audio.io import resample
from muze.audio.loudness import loudness
from muze.core.grid import Audio
from muze.core.theory import ROOTS, Key
from muze.testing.singing import singing
from muze.testing.sounds import SAMPLE_RATE, midi_to_hz

Record = dict[str, Any]

SECONDS = 6.4
TRIADS = {"major": ("", "m", "m", "", "", "m"), "minor": ("m", "dim", "", "m", "m", "")}
"""On the first six degrees of the scale."""
MOODS = ("gloomy", "calm", "sunny")
SUNG = 53
"""General MIDI's program of what is sung."""


@dataclass(frozen=True)
class Voice:
    """Somebody with a name: a speaker of espeak-ng, or a singer."""

    name: str
    kind: str
    speaker: str | None = None
    size: float = 1.0
    """How many times higher a singer's resonances are than those of ``muze.testing.singing``."""
    lowest: int = 48
    """MIDI pitch from which a singer has fourteen semitones."""


VOICES = (
    Voice("Ada Quist", "a woman", "en-us+f2"),
    Voice("Bruno Vale", "a man", "en-us+m3"),
    Voice("Cora Lind", "a woman", "en-us+f5"),
    Voice("Dora Finch", "a woman", size=1.3, lowest=64),
    Voice("Emil Hart", "a man", size=0.8, lowest=45),
    Voice("Fay Moor", "a woman", size=1.1, lowest=57),
)
WORDS = ("river", "golden", "shadow", "easy", "fire", "keep", "moon", "tower")


def clip(seed: Sequence[int]) -> tuple[Audio, Record]:
    """Return a clip of 6.4 s that a seed draws, and its record without what must be heard."""
    rng = np.random.default_rng(seed)
    metre, tempo = int(rng.choice([3, 4, 4])), round(float(rng.uniform(70, 160)), 1)
    beats = np.arange(rng.uniform(0, 60 / tempo), SECONDS, 60 / tempo).round(4)
    bars = [0.0, *beats[::metre].tolist()[1:], SECONDS]
    key = Key(int(rng.integers(12)), str(rng.choice(["major", "minor"])))
    genre, sentiment = str(rng.choice([*GENRES])), round(float(rng.uniform(-1, 1)), 3)
    energy = rng.uniform(0, 1, int(SECONDS) + 1).round(3)
    degrees = rng.integers(6, size=len(bars) - 1)
    names = [f"{ROOTS[key.scale[d]]}{TRIADS[key.mode][d]}" for d in degrees]
    chords = [{"chord": name, **span} for name, span in zip(names, _spans(bars), strict=True)]
    parts = _spans([*bars[:-1:2], SECONDS])
    segments = [{"type": str(rng.choice([*PLAY])), **span} for span in parts]
    notes, hits = played(genre, chords, segments, beats), struck(rng, segments, beats)
    told: Record = {
        "duration": SECONDS, "tempo": tempo, "time_signature": f"{metre}/4", "key": str(key),
        "key_index": key.index, "genre": [genre], "sentiment_score": sentiment,
        "energy_curve": energy.tolist(), "beat_positions": beats.tolist(),
        "downbeat_positions": beats[::metre].tolist(), "num_beats": len(beats), "chords": chords,
        "chord_progression": names, "segments": segments, "notes": notes, "drum_onsets": hits,
        "has_vocals": False,
    }  # fmt: skip
    mix = _dulled(band(genre, notes, hits, SECONDS), sentiment)
    who = "without a voice"
    if rng.random() < 0.9:
        voice = VOICES[int(rng.integers(len(VOICES)))]
        said, about = _act(voice, rng, beats, key)
        mix = 0.5 * mix + 1.3 * levelled(said)
        about["notes"] = notes + about.get("notes", [])
        told |= {**about, "has_vocals": True, "artist": voice.name}
        who = f"{'spoken' if voice.speaker else 'sung'} by {voice.kind}"
    mix *= 10 ** (np.interp(_seconds(), np.arange(len(energy)) + 0.5, energy) - 1)
    mix *= np.interp(_seconds() / SECONDS, [0, 0.3, 0.7, 1], [0.1, 1, 1, 0.1])
    mix *= 10 ** ((rng.uniform(-34, -18) - loudness(_audio(mix))) / 20)
    mood = MOODS[min(2, int(1.5 * (sentiment + 1)))]
    return _audio(np.clip(mix, -1, 1)), {**told, "prompt": f"{mood} {genre}, {who}"}


def alone(voice: Voice) -> Audio:
    """Return a voice by itself, always the same, from which its embedding is taken."""
    beats = np.arange(0.2, SECONDS, 0.55)
    return _audio(levelled(_act(voice, np.random.default_rng(5), beats, Key(0, "major"))[0]))


def _act(voice: Voice, rng: np.random.Generator, beats: Wave, key: Key) -> tuple[Wave, Record]:
    samples, told = _spoken(voice, rng, beats) if voice.speaker else _sung(voice, rng, beats, key)
    length = round(SECONDS * SAMPLE_RATE)
    return np.pad(samples, (0, max(0, length - len(samples))))[:length], told


def _sung(voice: Voice, rng: np.random.Generator, beats: Wave, key: Key) -> tuple[Wave, Record]:
    """Return notes of the scale on one vowel, with rests in which a breath may be taken."""
    beat, at = float(beats[1] - beats[0]), float(beats[0])
    notes: list[tuple[int, float, float]] = []
    breaths: list[float] = []
    reach = [p for p in range(voice.lowest, voice.lowest + 14) if p % 12 in key.scale]
    while at < SECONDS - 0.4:
        length = beat * float(rng.choice([1, 1, 2]))
        if rng.random() < 0.7:
            end = min(at + length, SECONDS) - 0.03
            notes.append((int(rng.choice(reach)), round(at, 4), round(end, 4)))
        elif rng.random() < 0.6 and at - max(breaths, default=-1.0) > 0.4:
            breaths.append(round(at + 0.05, 3))
        at += length
    swings = rng.random() < 0.5
    rate, depth = (float(swings * rng.uniform(*span)) for span in ((4, 7.5), (50, 100)))
    size = voice.size
    slow = singing(
        [(p - 12 * np.log2(size), start * size, end * size) for p, start, end in notes],
        SECONDS * size, rate=rate / size, depth=depth, breaths=[t * size for t in breaths],
        breath_length=0.3 * size, breath_level=0.1, seed=int(rng.integers(2**31)),
    )  # fmt: skip
    # played faster or slower: the resonances move, pitch and times come out as asked
    samples = resample(Audio(slow.samples, round(SAMPLE_RATE * size)), SAMPLE_RATE).mono
    seconds = (np.arange(round(SECONDS * 100)) + 0.5) / 100
    f0 = np.zeros(len(seconds))
    for pitch, start, end in notes:
        inside = (seconds >= start) & (seconds < end)
        cents = depth * np.sin(2 * np.pi * rate * (seconds[inside] - start))
        f0[inside] = midi_to_hz(pitch) * 2 ** (cents / 1200)
    hops = f0[((np.arange(SECONDS // 0.128) + 0.5) * 12.8).astype(int)]
    classes = np.round(69 + 12 * np.log2(np.maximum(hops, 1) / 440)).astype(int) % 12
    return np.asarray(samples, float), {
        "f0_contour": f0.round(2).tolist(), "f0_voiced_mask": (f0 > 0).tolist(),
        "melody_chroma": np.where(hops > 0, classes, -1).tolist(), "breath_positions": breaths,
        "vibrato_rate": rate, "vibrato_depth": depth, "vibrato_extent": float(swings),
        "notes": [{"pitch": p, "start": a, "end": b, "program": SUNG} for p, a, b in notes],
    }  # fmt: skip


def _spoken(voice: Voice, rng: np.random.Generator, beats: Wave) -> tuple[Wave, Record]:
    """Return a word again and again, each time from a beat on; its sounds share its time evenly."""
    out, free = np.zeros(round(SECONDS * SAMPLE_RATE)), 0.0
    word, words = str(rng.choice(WORDS)), list[str]()
    samples, phones = _said(word, str(voice.speaker)), read_words(word)[0].phones
    sounds: list[Record] = []
    for beat in beats.tolist():
        if beat < free or rng.random() < 0.15:
            continue
        free = beat + len(samples) / SAMPLE_RATE
        if free > SECONDS:
            break
        first = round(beat * SAMPLE_RATE)
        out[first : first + len(samples)] = samples
        spans = _spans(np.linspace(beat, free, len(phones) + 1).round(4).tolist())
        sounds += [
            {"phoneme": str(phone), **span, "word": len(words)}
            for phone, span in zip(phones, spans, strict=True)
        ]
        words.append(write_ipa(phones))
    told = {
        "lyrics": " ".join([word] * len(words)),
        "phonemes_ipa": words,
        "phoneme_timestamps": sounds,
    }
    return out, told


@cache
def _said(word: str, speaker: str) -> NDArray[np.float32]:
    """Return a word by a speaker of espeak-ng without the silence around it."""
    samples = resample(spoken(word, speaker), SAMPLE_RATE).mono
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def _dulled(samples: Wave, sentiment: float) -> Wave:
    """Return sad music dull: without what is above 400 Hz for -1, above 10 kHz for 1."""
    from scipy.signal import butter, sosfilt

    edge = 400 * 25 ** ((sentiment + 1) / 2)
    return np.asarray(sosfilt(butter(4, edge, fs=SAMPLE_RATE, output="sos"), samples))


def _spans(edges: Sequence[float]) -> list[dict[str, float]]:
    return [{"start": start, "end": end} for start, end in itertools.pairwise(edges)]


def _seconds() -> Wave:
    return np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE


def _audio(samples: Wave) -> Audio:
    return Audio(samples.astype(np.float32)[None], SAMPLE_RATE)
