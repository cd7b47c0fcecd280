"""Recordings of a speaker: found, joined, and looked at for how well they tell a voice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from muze.audio.io import MUSIC_SUFFIXES, read_audio, resample
from muze.core.errors import VoiceError
from muze.core.grid import Audio

PAUSE = 0.3
"""Seconds of silence between two recordings that are joined."""


def sample_files(path: Path) -> list[Path]:
    """Return the recordings that are meant: a file, or those that lie in a folder, by name.

    Raises:
        VoiceError: there is no such file, or no recording in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise VoiceError(f"{path}: there is no such file or folder")
    found = sorted(
        file
        for file in path.iterdir()
        if file.is_file() and file.suffix.lower() in MUSIC_SUFFIXES and file.name[0] != "."
    )
    if not found:
        raise VoiceError(f"{path}: no recording lies in this folder")
    return found


def read_reference(paths: Sequence[Path]) -> Audio:
    """Return recordings one after another with short pauses, mono at the rate of the first.

    Raises:
        AudioError: one of them cannot be read.
    """
    sounds = [read_audio(path) for path in paths]
    rate = sounds[0].sample_rate
    silence = np.zeros(round(PAUSE * rate), np.float32)
    parts: list[np.ndarray] = []
    for sound in sounds:
        mono = resample(Audio(sound.mono[None], sound.sample_rate), rate).samples[0]
        parts += [silence, mono] if parts else [mono]
    return Audio(np.ascontiguousarray(np.concatenate(parts)[None], np.float32), rate)
