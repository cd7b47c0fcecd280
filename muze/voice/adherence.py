"""How well a voice sings what its plan says: words, melody, onsets, and whose voice is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from muze.analysis.melody import melody_scores
from muze.analysis.pitch import extractor_name, track_pitch
from muze.core.errors import MuzeError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.core.voices import Spoken
from muze.voice.breath_noise import breath_times
from muze.voice.mos import mos_scores
from muze.voice.onsets import heard_onsets, onset_errors
from muze.voice.ornaments import breath_scores, vibrato_scores
from muze.voice.plan import VoicePlan
from muze.voice.score import asked_hz, onsets
from muze.voice.sing import SungSong
from muze.voice.singer import Singer
from muze.voice.speaker import likeness
from muze.voice.sung_words import Spans, word_scores
from muze.voice.voice_score import VoiceScore

NEAR = 0.06
"""Seconds by which a syllable may begin early or late and be on its note."""
SHIFTS = np.linspace(-0.5, 0.5, 41)[1::2]
"""Seconds by which the asked onsets are moved to see what chance gets."""
RESEMBLYZER, SIMILARITY = "Resemblyzer", "speaker similarity"
NEAREST = "speaker nearest to its reference"
"""1 where the singing is nearer to its reference than to any other voice that is heard, else 0."""
Frames = NDArray[np.bool_]


def hear_voice(
    song: SungSong, mix: Audio, plan: VoicePlan, grid: TimeGrid, singer: Singer, registry: Registry
) -> list[VoiceScore]:
    """Return the figures of a song's voice, heard in ``song.audio`` and in the mix.

    The melody is the plan's notes without the time of sounds that have no pitch, as s; of the
    voice alone it is also told with it.
    """
    found = [*word_scores(song.audio, spans_of(song), plan), *_onsets(song.audio, plan, grid)]
    if plan.delivery == "sung":
        found += _melody(song.audio, mix, plan, grid, unpitched(song, grid))
    found += _ornaments(song.audio, plan, grid, song.breaths, registry)
    found += mos_scores(song.audio, spans_of(song))
    return [*found, *_speaker(song.audio, song.spoken, plan, singer, registry)]


def hear_stem(
    voice: Audio, mix: Audio, plan: VoicePlan, grid: TimeGrid, why: str, registry: Registry
) -> list[VoiceScore]:
    """Return the figures of anybody's voice, as far as they are told without the plan's singer.

    ``why`` says why nobody knows how the singer would say the words: when sounds without a pitch
    are sung, and whose voice is right.
    """
    spans = [(phrase.start, phrase.end) for phrase in plan.phrases(grid)]
    found = [*word_scores(voice, spans, plan), *_onsets(voice, plan, grid)]
    if plan.delivery == "sung":
        by = extractor_name("swift_f0")
        for name in ("melody RPA", "melody RPA, mix"):
            found.append(VoiceScore(name, None, "share", True, by, reason=why))
        found += _melody(voice, mix, plan, grid, None)
    found += _ornaments(voice, plan, grid, breath_times(plan.breaths, spans), registry)
    found += mos_scores(voice, spans)
    return [*found, *_no_speaker(why)]


def spans_of(song: SungSong) -> Spans:
    """Return when the first sound of each line begins and its last ends, in seconds."""
    return [(phrase.placed[0].start, phrase.placed[-1].end) for phrase in song.phrases]


def unpitched(song: SungSong, grid: TimeGrid) -> Frames:
    """Return the frames in which a sound without a pitch is sung, (T,)."""
    frames = np.zeros(grid.frames, bool)
    for phrase in song.phrases:
        for part in phrase.placed:
            if not part.piece.voiced:
                frames[slice(*grid.frames_between(part.start, part.end))] = True
    return frames


def _onsets(voice: Audio, plan: VoicePlan, grid: TimeGrid) -> list[VoiceScore]:
    if plan.delivery == "spoken":  # only its first syllables have a beat
        asked = [phrase.start for phrase in plan.phrases(grid)]
    else:
        asked = onsets(plan.phrases(grid))
    heard = heard_onsets(voice)
    by = "peaks of spectral flux (librosa, scipy)"
    errors = onset_errors(asked, heard)
    moved = [onset_errors(np.asarray(asked) + shift, heard) for shift in SHIFTS]
    chance = float(np.mean([(error <= NEAR).mean() for error in moved]))
    found = [VoiceScore("onsets within 60 ms", float((errors <= NEAR).mean()), "share", True, by,
                        chance)]  # fmt: skip
    middle = float(np.median(errors))
    if np.isfinite(middle):
        return [*found, VoiceScore("onset error, median", middle, "s", False, by)]
    told = "no onset is heard"
    return [*found, VoiceScore("onset error, median", None, "s", False, by, reason=told)]


def _melody(
    voice: Audio, mix: Audio, plan: VoicePlan, grid: TimeGrid, silent: Frames | None
) -> list[VoiceScore]:
    """Return the accuracies of pitch; ``silent`` are the frames of sounds that have none, (T,)."""
    asked, heard = asked_hz(plan.phrases(grid), grid), track_pitch(voice, grid)
    wanted = [("melody RPA, whole notes", heard, asked)]
    if silent is not None:
        pitched = np.where(silent, 0, asked)
        wanted.insert(0, ("melody RPA", heard, pitched))
        wanted.append(("melody RPA, mix", track_pitch(mix, grid), pitched))
    by, found = extractor_name("swift_f0"), []
    for name, (hz, voiced), want in wanted:
        score = melody_scores(want, hz, want > 0, voiced)[0]
        found.append(VoiceScore(name, score.value, "share", True, by, score.floor))
    return found


def _ornaments(
    voice: Audio, plan: VoicePlan, grid: TimeGrid, breaths: Sequence[float], registry: Registry
) -> list[VoiceScore]:
    found = breath_scores(voice, breaths, grid, registry)
    if plan.delivery == "sung":
        found[:0] = vibrato_scores(voice, plan.vibrato, plan.phrases(grid), grid, registry)
    return found


def _speaker(
    voice: Audio, spoken: Sequence[Spoken], plan: VoicePlan, singer: Singer, registry: Registry
) -> list[VoiceScore]:
    texts = [line.text for line in plan.lines]
    try:
        found = likeness(voice, spoken, texts, singer, registry)
    except MuzeError as fault:
        return _no_speaker(str(fault))
    by, lone, num = f"{RESEMBLYZER}, beside {found.reference}", None, found.num_others
    if singer.cloned:
        lone = "other voices are not heard beside a clone"
    elif not num:
        lone = f"{plan.backend} has no other voice to hear beside it"
    nearest = None if found.nearest is None else float(found.nearest)
    chance = None if nearest is None else 1 / (1 + num)
    beside = by if nearest is None else f"{by}, and {num} other voices of {plan.backend}"
    return [
        VoiceScore(SIMILARITY, found.sung, "cosine", True, by, found.other),
        VoiceScore(NEAREST, nearest, "share", True, beside, chance, lone),
        VoiceScore("same speaker, speaking", found.same, "cosine", True, by),
        VoiceScore("other speakers, speaking", found.other, "cosine", False, by, reason=lone),
    ]


def _no_speaker(why: str) -> list[VoiceScore]:
    return [
        VoiceScore(SIMILARITY, None, "cosine", True, RESEMBLYZER, reason=why),
        VoiceScore(NEAREST, None, "share", True, RESEMBLYZER, reason=why),
    ]
