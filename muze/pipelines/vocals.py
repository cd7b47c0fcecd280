"""A song's voice over its music: sung, treated, laid in the mix, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from muze.audio.io import encode_audio
from muze.audio.mix import CEILING_DB, fade_out, normalise, true_peak
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.cleaning import cleaned
from muze.pipelines.made_by import mark_clone
from muze.pipelines.output import STEMS
from muze.pipelines.plan import Plan
from muze.report import Report
from muze.voice.adherence import hear_voice
from muze.voice.effects import at_level, duck, treat_voice
from muze.voice.lrc import clock, write_lrc
from muze.voice.sing import SungSong, sing
from muze.voice.singer import Singer, find_singer, on_stage
from muze.voice.voice_score import rows


@dataclass(frozen=True)
class Vocals:
    """A song with its voice: the mix, and voice and music as they are in it."""

    mix: Audio
    voice: Audio
    music: Audio
    lrc: str
    scores: list[dict[str, object]]
    """How well it is sung, as the rows of ``adherence.json``."""


def sing_over(
    music: Audio, plan: Plan, singer: Singer, registry: Registry, report: Report
) -> Vocals:
    """Return a plan's voice, sung by its ``planned_singer``, over its music, which is mono.

    Raises:
        MuzeError: the singer cannot sing it.
    """
    assert plan.voice is not None
    with on_stage(singer, report) as who:
        song = sing(
            plan.voice, who, plan.grid, music.sample_rate, plan.seed % 2**31, registry, report
        )
        mix, voice, below = lay_over(song, music, plan)
        mix, voice = mark_clone([mix, voice], plan.voice, report)
        advance = report.task("listening to the voice", 1)
        heard = replace(song, audio=voice)  # as it is in the mix, and as is written
        scores = rows(hear_voice(heard, mix, plan.voice, plan.grid, who, registry))
        advance()
    about = {"ti": plan.song.title or plan.prompt, "length": clock(plan.duration), "tool": "muze"}
    return Vocals(mix, voice, below, write_lrc(song.lines, about), scores)


def planned_singer(plan: Plan, registry: Registry) -> Singer:
    """Return who sings; the song is asked again, as consent may have run out since.

    Raises:
        ManifestError: there is no such singer here, or no consent.
        MuzeError: it is another than the plan's.
    """
    assert plan.voice is not None
    assert plan.song.voice is not None
    singer = find_singer(plan.song.voice, plan.song.source.folder, registry)
    consent = None if singer.consent is None else singer.consent.id
    for what, then, now in (
        ("voice backend", plan.voice.backend, singer.backend.name),
        ("voice", plan.voice.voice, singer.voice),
        ("consent", plan.voice.consent, consent),
    ):
        if then != now:
            raise MuzeError(f"the plan was made with {what} {then}; here it is {now}; plan it anew")
    return cleaned(singer, plan.voice.separator, registry)


def lay_over(song: SungSong, music: Audio, plan: Plan) -> tuple[Audio, Audio, Audio]:
    """Return the mix at the plan's loudness, and voice and music by the gain they have in it."""
    assert plan.voice is not None
    effects = plan.voice.effects
    voice = song.audio if effects is None else treat_voice(song.audio, effects)
    voice = at_level(voice, music, plan.voice.level)
    below = music if effects is None else duck(music, voice, effects.duck)
    both = Audio(voice.samples + below.samples, music.sample_rate)
    mix = normalise(fade_out(both, plan.output.fade), plan.output.loudness)
    # what of the voice lies under the limiter is no gain: stems are by the gain of all the rest
    gain = float(np.sum(mix.samples * both.samples) / max(np.sum(both.samples**2), 1e-12))
    highest = max(true_peak(stem) for stem in (voice, below))
    gain = min(gain, 10 ** (CEILING_DB / 20) / highest)
    stems = [fade_out(Audio(stem.samples * np.float32(gain), stem.sample_rate), plan.output.fade)
             for stem in (voice, below)]  # fmt: skip
    return mix, stems[0], stems[1]


def stems_of(path: Path, vocals: Vocals, tags: Mapping[str, str]) -> dict[Path, bytes | memoryview]:
    """Return what is written beside a song that is sung: voice, music, words with their times."""
    voice, music, words = (path.with_suffix(end) for end in STEMS)
    return {
        voice: encode_audio(voice, vocals.voice, tags),
        music: encode_audio(music, vocals.music, tags),
        words: vocals.lrc.encode(),
    }
