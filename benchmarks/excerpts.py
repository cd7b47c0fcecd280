"""Excerpts of music whose truth is known, and how much of one is heard in another rendering."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from muze_corpus.build import Order, build_song
from muze_corpus.holdout import HELD_OUT

from benchmarks.harness import Figures
from muze.analysis.beats import hear_beats
from muze.analysis.chords import Span, hear_chords
from muze.audio.io import read_audio, resample
from muze.core.errors import MuzeError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.data.track import track_grid

RATE = 32_000
SEED = 2
"""Of the held-out songs; training songs are of seed 0, and seed 1 was looked at in making muze."""
AFTER = 10.0
"""Seconds of a song that are passed over: intros say little."""
SOUNDS = (".opus", ".ogg", ".flac", ".wav", ".mp3")
MUSIC_PACKAGE = "immich_memories_music"
"""28 produced pieces (MIT) on PyPI; stands for real music where no folder is given."""


@dataclass(frozen=True)
class Excerpt:
    """Some seconds of music: mono at 32 kHz, its clock, and its truth where there is one."""

    name: str
    audio: Audio
    grid: TimeGrid
    record: dict[str, Any] | None = None


def build_songs(folder: Path, count: int, seed: int, split: str) -> list[dict[str, Any]]:
    """Return the records of the first songs of muze-corpus in a folder, made where missing."""
    for part in ("audio", "midi", "records", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return [build_song(folder, index, Order(seed, split)) for index in range(count)]


def held_out_excerpts(folder: Path, count: int, seconds: float | None) -> list[Excerpt]:
    """Return an excerpt of each of the first held-out songs, starting on a bar line.

    Without ``seconds``, the whole songs.
    """
    excerpts = []
    for index, record in enumerate(build_songs(folder, count, SEED, HELD_OUT)):
        grid = song = track_grid(record)
        if seconds is not None:
            start = next(t for t in record["downbeat_positions"] if t >= AFTER)
            grid = song.window(round(start * song.frame_rate), round(seconds * song.frame_rate))
        audio = resample(read_audio(folder / record["audio_path"]), RATE)
        name = f"corpus {SEED} {index:05d}"
        excerpts.append(Excerpt(name, _cut(audio, grid), grid, record))
    return excerpts


def music_excerpts(folder: Path | None, limit: int | None, seconds: float) -> list[Excerpt]:
    """Return an excerpt of each sound file below a folder, or of the music package's.

    Their clock is 120 BPM, as good as any where only two hearings are compared.

    Raises:
        MuzeError: no folder is given and the package is not installed, or there is no music.
    """
    if folder is None:
        found = importlib.util.find_spec(MUSIC_PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise MuzeError(f"give --music FOLDER, or install {MUSIC_PACKAGE}")
        folder = Path(next(iter(found.submodule_search_locations)))
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SOUNDS)
    if not paths:
        raise MuzeError(f"{folder}: holds no music ({', '.join(SOUNDS)})")
    excerpts = []
    for path in paths[:limit]:
        audio = resample(read_audio(path), RATE)
        song = TimeGrid.of_song(audio.duration)
        if audio.duration < AFTER + seconds:
            raise MuzeError(f"{path}: lasts {audio.duration:.1f} s, less than {AFTER + seconds:g}")
        grid = song.window(round(AFTER * song.frame_rate), round(seconds * song.frame_rate))
        excerpts.append(Excerpt(str(path.relative_to(folder)), _cut(audio, grid), grid))
    return excerpts


def _cut(audio: Audio, grid: TimeGrid) -> Audio:
    first, length = round(grid.start * RATE), round(grid.duration * RATE)
    samples = audio.mono[first : first + length]
    return Audio(np.pad(samples, (0, length - len(samples)))[None], RATE)


def truth_rows(
    audio: Audio, excerpt: Excerpt, streams: Sequence[str], registry: Registry
) -> list[dict[str, Any]]:
    """Return the rows of an adherence: a sound against the excerpt's record."""
    assert excerpt.record is not None
    grid, rows = excerpt.grid, []
    for name in streams:
        cls = registry.get("stream", name)
        stream = cls(cls.Config())
        asked = stream.recall(excerpt.record, grid)
        if asked is None:
            continue
        asked.setdefault("present", np.ones(grid.frames, np.float32))
        by = f"{stream.extractor} ({registry.version(name)})"
        for row in stream.score(asked, stream.extract(audio, grid), grid):
            rows.append({"stream": name, **vars(row), "value": float(row.value), "extractor": by})
    return rows


def truth_scores(
    audio: Audio, excerpt: Excerpt, streams: Sequence[str], registry: Registry
) -> dict[str, tuple[float, float | None]]:
    """Return ``stream.figure`` to value and chance floor: a sound against the excerpt's record."""
    rows = truth_rows(audio, excerpt, streams, registry)
    return {f"{row['stream']}.{row['name']}": (row["value"], row["floor"]) for row in rows}


def survival(audio: Audio, excerpt: Excerpt) -> Figures:
    """Return what is heard in ``audio`` as it is heard in the excerpt itself.

    ``chord``: share of the time whose chord label is the same. ``beat``: F-measure within 70 ms
    of the beats heard; left out where the excerpt has none.
    """
    from mir_eval.beat import f_measure

    grid = excerpt.grid
    before, after = hear_chords(excerpt.audio, grid), hear_chords(audio, grid)
    found = {"chord": _agreement(before, after, grid.duration)}
    beats = hear_beats(excerpt.audio, grid)
    if beats is not None:
        heard = hear_beats(audio, grid)
        found["beat"] = 0.0 if heard is None else float(f_measure(beats.times, heard.times))
    return found


def _agreement(first: list[Span], second: list[Span], duration: float) -> float:
    same = sum(
        max(0.0, min(end, other_end) - max(start, other_start))
        for symbol, start, end in first
        for other, other_start, other_end in second
        if symbol == other
    )
    return same / duration
