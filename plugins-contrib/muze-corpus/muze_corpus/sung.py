"""A song sung: its singer drawn, its lines laid on the lead, breaths between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from muze.audio.io import resample
from muze.core.grid import Audio
from muze.voice.breath_noise import breath_sound, breath_times
from muze.voice.phrase import SungPhrase, sing_frames
from muze.voice.pitch_curve import Vibrato

from muze_corpus import sung_truth
from muze_corpus.backing import draw_backing
from muze_corpus.laying import Laid, lay_song
from muze_corpus.record import resting
from muze_corpus.score import Note, Rng, Song, chance
from muze_corpus.singing import Sound, Vocal, draws
from muze_corpus.stock import Kept, embedding, kept_line, known_lines
from muze_corpus.sung_truth import Line
from muze_corpus.voices import draw_voice

RATES, DEEPEST, STEADY = (4.5, 7.0), 80.0, 0.15
"""Hz and cents of vibratos, and the share of songs that have none."""
EXTENTS = (0.3, 0.9)
"""Shares of each note that swing."""
DOUBLED = 0.25
"""Share of songs whose lead plays along with the voice; in others it rests."""
LIVELIER = 6.0
"""dB between the softest and the loudest section."""


def perform(song: Song, folder: Path, rate: int) -> Vocal | None:
    """Return a song's vocal, by voices kept in ``folder``; None where no line fits its lead.

    Raises:
        NotInstalledError: a voice speaks a line for the first time, and cannot.
    """
    rng = draws(song)
    rng.random()  # whether it is sung
    voice = draw_voice(song.split, rng)
    stock = {text: kept_line(folder, voice, text) for text in known_lines(voice, song.split)}
    laid = lay_song(song, voice, {text: kept.line for text, kept in stock.items()}, rng)
    if not laid:
        return None
    swings = _vibratos(song, rng)
    seeds = rng.integers(2**31, size=2 * len(laid))
    lines = [
        Line(line, _sung(line, stock[line.text], swings[song.sections[line.section].type], seed),
             swings[song.sections[line.section].type])
        for line, seed in zip(laid, seeds, strict=False)
    ]  # fmt: skip
    made = next(iter(stock.values())).rate
    samples = np.zeros(round(song.duration * made), np.float32)
    harmony, again = draw_backing(song, lines, stock, voice.high, rng)
    behind = np.zeros_like(samples)
    for phrase in harmony + [line.sung for line in again]:
        add(behind, phrase.samples, phrase.start, made)
    for line in lines:
        add(samples, line.sung.samples * _loud(song, line.laid), line.sung.start, made)
    breaths = breath_times("auto", sorted(line.span for line in [*lines, *again]))
    level = _level(samples)
    for second, seed in zip(breaths, seeds[len(laid) :], strict=False):
        add(samples, breath_sound(level, made, int(seed)), second, made)
    rests = [] if chance(rng, DOUBLED) else [(line.start, line.end) for line in laid]
    track = resting(song, rests).tracks.get("lead")
    lead = [] if track is None else track.notes
    told = sorted([*lines, *again], key=lambda line: line.span)
    truth = _truth(song, told, lead, breaths)
    truth |= {"ad_libs": [sung_truth.told_line(line) for line in again],
              "harmonies": [sung_truth.told_span(phrase) for phrase in harmony]}  # fmt: skip
    truth |= {"singer": voice.name, "voice_embedding": embedding(folder, voice, song.split)}
    backing = _at_rate(behind, made, rate, song) if harmony or again else None
    return Vocal(_at_rate(samples, made, rate, song), backing, rests, truth)


def _sung(line: Laid, kept: Kept, vibrato: Vibrato, seed: int) -> SungPhrase:
    return sing_frames(line.phrase, kept.frames, kept.phones, vibrato, int(seed))


def _vibratos(song: Song, rng: Rng) -> dict[str, Vibrato]:
    """Return how each kind of section swings: about as the whole song does."""
    rate = float(rng.uniform(*RATES))
    depth = 0.0 if chance(rng, STEADY) else float(rng.uniform(10, DEEPEST))
    found = {}
    for section in song.sections:
        if section.type not in found:
            found[section.type] = Vibrato(
                float(np.clip(rate + rng.normal(0, 0.15), *RATES)),
                min(DEEPEST, depth * float(rng.uniform(0.7, 1.2))),
                float(rng.uniform(*EXTENTS)),
            )
    return found


def _truth(
    song: Song, lines: Sequence[Line], lead: Sequence[Note], breaths: Sequence[float]
) -> dict[str, Any]:
    notes = sung_truth.vocal_notes(lines)
    return {
        "has_vocals": True,
        "lyrics": sung_truth.lyrics(song, lines),
        "language": "en",
        "phoneme_timestamps": sung_truth.phoneme_timestamps(lines),
        "f0_contour": sung_truth.f0_contour(song, lines, lead),
        "vibrato_spans": sung_truth.vibrato_spans(song, lines),
        "breath_positions": [round(second, 3) for second in breaths],
        "vocal_notes": notes,
        "melody": sung_truth.melody(song, notes, lead),
    }


def add(whole: Sound, part: Sound, start: float, rate: int) -> None:
    """Add a sound to a longer one from ``start`` seconds on; what lies outside is left away."""
    first = round(start * rate)
    part = part[max(0, -first) :]
    first = max(0, first)
    part = part[: max(0, len(whole) - first)]
    whole[first : first + len(part)] += part


def _loud(song: Song, line: Laid) -> np.float32:
    energy = song.sections[line.section].energy
    return np.float32(10 ** (LIVELIER * (energy - 0.5) / 20))


def _level(samples: Sound) -> float:
    """Return the RMS of what is not silence."""
    loud = samples[np.abs(samples) > 1e-3].astype(float)
    return float(np.sqrt((loud**2).mean())) if len(loud) else 0.0


def _at_rate(samples: Sound, made: int, rate: int, song: Song) -> Sound:
    heard = resample(Audio(samples[None], made), rate).samples[0]
    out = np.zeros(round(song.duration * rate), np.float32)
    out[: len(heard)] = heard[: len(out)]
    return out
