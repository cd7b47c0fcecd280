"""A song's vocal: whether it has one, its sound, and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from muze_corpus.holdout import SPLITS
from muze_corpus.render import RenderError
from muze_corpus.score import SINGING, Note, Rng, Section, Song

SUNG = ("verse", "pre_chorus", "chorus", "post_chorus", "bridge")
"""Sections that are sung."""
ENOUGH = 24
"""Notes that the lead plays in them at least in a song that is sung."""
SHARE = 0.6
"""Of the songs whose lead does, so many are sung: a third of all."""
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocal:
    """The voice alone, what sings behind it, and what a record tells of both.

    ``samples`` and ``backing`` are mono (n,), from the song's start to its end. The lead instrument
    rests in ``rests``, which are beats.
    """

    samples: Sound
    backing: Sound | None
    rests: list[tuple[float, float]]
    truth: dict[str, Any]


def draws(song: Song) -> Rng:
    """Numbers for the vocal alone, so that it can change without the music changing."""
    return np.random.default_rng([*song.seed, SPLITS.index(song.split), SINGING])


def sings(song: Song) -> bool:
    """Whether somebody sings in a song: in a third of all, drawn of those with a tune for it."""
    enough = sum(len(notes_in(song, section)) for section in sung_sections(song)) >= ENOUGH
    return bool(draws(song).random() < SHARE) and enough


def sung_sections(song: Song) -> list[Section]:
    """The sections in which a voice may sing."""
    return [section for section in song.sections if section.type in SUNG]


def notes_in(song: Song, section: Section) -> list[Note]:
    """The lead's notes in a section, in order."""
    if "lead" not in song.tracks:
        return []
    first, last = (bar * song.metre.beats for bar in
                   (section.start_bar, section.start_bar + section.bars))  # fmt: skip
    near = 0.1  # beats: played a little before the bar line
    notes = [n for n in song.tracks["lead"].notes if first - near <= n.start < last - near]
    return sorted(notes, key=lambda note: note.start)


def sing_song(song: Song, folder: Path, rate: int = 32_000) -> Vocal | None:
    """The vocal of a song, by voices that are kept in ``folder``; None where nobody sings.

    The song's seed decides it.

    Raises:
        RenderError: muze, or what it sings and speaks with, is not installed.
    """
    if not sings(song):
        return None
    try:
        from muze.core.errors import NotInstalledError
    except ModuleNotFoundError:
        raise _lacking("muze is not installed") from None
    try:
        from muze_corpus.sung import perform

        return perform(song, folder, rate)
    except NotInstalledError as fault:
        raise _lacking(str(fault)) from None


def unsung_truth() -> dict[str, Any]:
    """What a record says of a song without a voice; its ``melody`` is the lead's.

    Nothing is said of the pitch's vibrato or of whose voice it is: there is none.
    """
    return {
        "has_vocals": False, "lyrics": None, "phoneme_timestamps": [], "breath_positions": [],
        "singer": None, "vocal_notes": [],
    }  # fmt: skip


def _lacking(what: str) -> RenderError:
    return RenderError(f'{what}; songs are sung with pip install "muze-corpus[vocals]"')
