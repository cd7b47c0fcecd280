"""A song's words sung: every line spoken by its voice, laid on its notes, breaths between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import resample
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import VoiceBackend
from muze.core.registry import Registry
from muze.core.voices import Spoken, slower, speak_timed
from muze.report import Report
from muze.voice.breath_noise import breath_sound, breath_times
from muze.voice.phrase import SungPhrase, say_phrase, sing_phrase
from muze.voice.pitch_curve import Vibrato
from muze.voice.plan import LinePlan, VoicePlan
from muze.voice.score import Phrase
from muze.voice.singer import Singer
from muze.voice.timed import with_times

UNHURRIED = 0.8
"""Share of its usual speed at which a voice speaks what is sung: its sounds are whole then. Of six
songs Whisper misread .10 of the words, at the usual speed .29."""
SYLLABLE = 0.2
"""Seconds a syllable is usually spoken in; a line sung as fast needs no slower speech."""


@dataclass(frozen=True)
class SungWord:
    """A word and when it is sung, in seconds of the song."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SungSong:
    """The voice alone, as long as the song; its words, line by line; and what it is made of."""

    audio: Audio
    lines: tuple[tuple[SungWord, ...], ...]
    phrases: tuple[SungPhrase, ...]
    spoken: tuple[Spoken, ...]
    """What the voice said of each line, before it was sung."""
    breaths: tuple[float, ...]


def sing(
    plan: VoicePlan,
    singer: Singer,
    grid: TimeGrid,
    sample_rate: int,
    seed: int,
    registry: Registry,
    report: Report,
) -> SungSong:
    """Return a plan's words sung by a singer who is on stage.

    Raises:
        PluginError: the backend fails, or does not say the words.
        NotInstalledError: what sings, or hears when sounds are said, is not there.
    """
    advance = report.task("singing", len(plan.lines))
    said: dict[tuple[str, float], Spoken] = {}
    lines_said: list[Spoken] = []
    phrases: list[SungPhrase] = []
    for number, line in enumerate(plan.lines):
        phrase = line.phrase(grid)
        share = 1.0
        if plan.delivery == "sung" and not singer.cloned:  # a clone may be one backend object's
            share = unhurried(phrase)
        if (line.text, share) not in said:
            backend = slower(singer.backend, share)
            said[line.text, share] = _speak(line, backend, singer, registry)
        lines_said.append(said[line.text, share])
        phrases.append(_perform(plan, phrase, lines_said[-1], seed + number))
        advance()
    samples = np.zeros(round(grid.song_duration * sample_rate), np.float32)
    for phrase_sung in phrases:
        _add(samples, phrase_sung.samples, phrase_sung.sample_rate, phrase_sung.start, sample_rate)
    level = _level(samples)
    spans = [(p.placed[0].start, p.placed[-1].end) for p in phrases]
    breaths = breath_times(plan.breaths, spans)
    for number, second in enumerate(breaths):
        noise = breath_sound(level, sample_rate, seed + number)
        _add(samples, noise, sample_rate, second, sample_rate)
    return SungSong(
        Audio(samples[None], sample_rate),
        tuple(_words(line, sung) for line, sung in zip(plan.lines, phrases, strict=True)),
        tuple(phrases),
        tuple(lines_said),
        tuple(breaths),
    )


def unhurried(phrase: Phrase) -> float:
    """Return the share of its usual speed at which a line is best spoken, in twentieths."""
    each = (phrase.end - phrase.start) / len(phrase.sung)
    return max(UNHURRIED, min(1.0, round(20 * SYLLABLE / each) / 20))


def _speak(line: LinePlan, backend: VoiceBackend, singer: Singer, registry: Registry) -> Spoken:
    with registry.blame(backend.name, "speak"):
        spoken = speak_timed(backend, line.text, singer.voice, singer.language)
    return with_times(spoken, line.text, singer.language, registry)


def _perform(plan: VoicePlan, phrase: Phrase, spoken: Spoken, seed: int) -> SungPhrase:
    if plan.delivery == "spoken":
        return say_phrase(phrase, spoken)
    told = plan.vibrato
    swing = Vibrato(told.rate, told.depth, told.extent) if plan.delivery == "sung" else None
    return sing_phrase(phrase, spoken, swing, seed)


def _words(line: LinePlan, sung: SungPhrase) -> tuple[SungWord, ...]:
    onsets, ends = sung.onsets, sung.ends
    out = []
    for index, text in enumerate(line.words):
        own = [at for at, syllable in enumerate(line.syllables) if syllable.word == index]
        if own:  # one without a vowel is sung with its neighbour
            out.append(SungWord(text, onsets[own[0]], ends[own[-1]]))
    return tuple(out)


def _add(
    whole: NDArray[np.float32], part: NDArray[np.float32], rate: int, start: float, sample_rate: int
) -> None:
    """Add a sound to a longer one from ``start`` seconds on; what lies outside is left away."""
    sound = resample(Audio(part[None], rate), sample_rate).samples[0]
    first = round(start * sample_rate)
    sound = sound[max(0, -first) :]
    first = max(0, first)
    sound = sound[: max(0, len(whole) - first)]
    whole[first : first + len(sound)] += sound


def _level(samples: NDArray[np.float32]) -> float:
    """Return the RMS of what is not silence."""
    loud = samples[np.abs(samples) > 1e-3]
    return float(np.sqrt((loud.astype(float) ** 2).mean())) if len(loud) else 0.0
