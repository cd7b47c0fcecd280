"""A song taken apart into its voice and the rest, with what the voice is worth as a reference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from muze.audio.io import encode_audio, read_audio, write_together
from muze.core.errors import MuzeError, PluginError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.separate import VOCALS, choose_separator
from muze.report import Report
from muze.voice.quality import Quality, reference_quality

VOCAL, MUSIC, FOUND = "vocal.wav", "music.wav", "quality.json"


@dataclass(frozen=True)
class Extracted:
    """What a song was taken apart into."""

    vocal: Path
    music: Path
    report: Path
    separator: str
    """What took it apart, and its version."""
    trained: bool
    quality: Quality


def extract_voice(
    song: Path,
    folder: Path,
    registry: Registry,
    report: Report,
    separator: str = "auto",
    device: str = "cpu",
    overwrite: bool = False,
) -> Extracted:
    """Return a song's voice and the rest, which add up to it, written into ``folder`` together.

    Raises:
        AudioError: the song cannot be read.
        MuzeError: a file is there already, and may not be written over.
        PluginError: there is no such separator, or it gives no vocals.
        NotInstalledError: the one that is named is not there.
    """
    paths = [folder / name for name in (VOCAL, MUSIC, FOUND)]
    for path in paths:
        if path.exists() and song.exists() and path.samefile(song):
            raise MuzeError(f"{path}: is the song itself; give another folder")
        if path.exists() and not overwrite:
            raise MuzeError(f"{path}: is there already; --force writes over it")
    audio = read_audio(song)
    splitter, label = choose_separator(registry, separator, device)
    advance = report.task(f"separating with {splitter.name}", 1)
    with registry.blame(splitter.name, "separate the song"):
        stems = splitter.separate(audio)
    advance()
    if VOCALS not in stems:
        raise PluginError(f"separator {splitter.name} gives no {VOCALS}, only {', '.join(stems)}")
    vocal = stems[VOCALS].samples
    rest = (audio.samples - vocal).astype(np.float32)
    advance = report.task("listening to the voice", 1)
    quality = reference_quality(Audio(vocal, audio.sample_rate), registry)
    advance()
    # both by one gain, so that they still add up
    gain = np.float32(1 / max(1.0, *(float(np.abs(stem).max()) for stem in (vocal, rest))))
    told = {"song": song.name, "separator": label, "gain": float(gain), **quality.to_json()}
    folder.mkdir(parents=True, exist_ok=True)
    tags = {"software": "muze", "comment": f"separated from {song.name} by {label}"}
    write_together(
        {
            paths[2]: (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode(),
            paths[1]: encode_audio(paths[1], Audio(rest * gain, audio.sample_rate), tags),
            paths[0]: encode_audio(paths[0], Audio(vocal * gain, audio.sample_rate), tags),
        }
    )
    trained = splitter.name != "foreground"
    return Extracted(paths[0], paths[1], paths[2], label, trained, quality)
