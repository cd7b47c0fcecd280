"""The voice of a song that is sung: its stem, or what a separator takes out of the mix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from muze.audio.io import read_audio, resample
from muze.core.errors import AudioError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.output import STEMS
from muze.pipelines.separate import choose_separator, vocals_of
from muze.report import Report

VOCAL, MUSIC, _ = STEMS
OTHERWISE_LONG = 0.5
"""Seconds by which a stem may be longer or shorter than its song."""


@dataclass(frozen=True)
class Stems:
    """A song's voice, and the music under it where that is known by itself."""

    voice: Audio
    music: Audio | None = None
    separator: str | None = None
    """What took the voice out of the mix; None for a stem."""

    def resampled(self, rate: int) -> Stems:
        """Return them at another rate."""
        music = None if self.music is None else resample(self.music, rate)
        return replace(self, voice=resample(self.voice, rate), music=music)


def find_stems(
    sound: Path, mix: Audio, vocal: Path | None, registry: Registry, report: Report
) -> Stems:
    """Return the stems of a sung song: ``vocal``, or those beside ``sound`` as generate names them.

    Where there are none, the voice is taken out of the mix, and that is told.

    Raises:
        AudioError: a stem cannot be read, or is as long as another song.
    """
    path = vocal or sound.with_suffix(VOCAL)
    if vocal is None and not path.exists():
        stems = separate(mix, registry)
        report.note(
            f"{sound.name}: its voice is heard in what {stems.separator} takes out of the mix, as "
            f"there is no {path.name} beside it; --vocal names another stem"
        )
        return stems
    music = sound.with_suffix(MUSIC)
    return Stems(_read(path, mix), _read(music, mix) if music.exists() else None)


def separate(mix: Audio, registry: Registry) -> Stems:
    """Return the voice that a separator takes out of a mix."""
    separator, label = choose_separator(registry)
    with registry.blame(separator.name, "take the voice out of the mix"):
        return Stems(vocals_of(mix, separator), separator=label)


def _read(path: Path, mix: Audio) -> Audio:
    audio = read_audio(path)
    if abs(audio.duration - mix.duration) > OTHERWISE_LONG:
        raise AudioError(
            f"{path}: lasts {audio.duration:.1f} s, and the song {mix.duration:.1f} s; it is no "
            "stem of it"
        )
    return audio
