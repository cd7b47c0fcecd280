"""Songs written to a folder, in parallel, going on where a stopped build was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from muze_corpus.render import RenderError, soundfont
from muze_corpus.songs import Order, Record, build_song, write_json
from muze_corpus.voices import voices

__all__ = ["Order", "build", "build_song"]


def _learn_lines(out: Path, order: Order, pool: ProcessPoolExecutor) -> None:
    """Have every voice of a split speak the lines that it sings, where it has not yet."""
    try:
        from muze.core.errors import MuzeError

        from muze_corpus.stock import fill
    except ModuleNotFoundError as fault:
        hint = 'pip install "muze-corpus[vocals]"'
        raise RenderError(f"--vocals needs {fault.name}: {hint}") from None
    singers = voices(order.split)
    try:
        for said in [pool.submit(fill, out / "spoken", voice, order.split) for voice in singers]:
            said.result()
    except MuzeError as fault:
        raise RenderError(str(fault)) from None


def build(
    out: Path, order: Order, *, songs: int | None = None, hours: float | None = None,
    workers: int = 1, report: Callable[[float, Record], None] = lambda *_: None,
) -> list[Record]:  # fmt: skip
    """Writes songs 0, 1, 2... until there are enough, then dataset.json; gives the records back.

    Args:
        out: The folder, made if absent.
        order: Seed, split, and what is made of each song.
        songs: How many songs.
        hours: Or how many hours at least.
        workers: Processes.
        report: Called with the fraction done and the record of every song.

    Raises:
        RenderError: where FluidSynth, a soundfont, or what sings is missing, or the disk is full.
    """
    if order.sound:
        for font in order.fonts:
            soundfont(font)
    for folder in ("audio", "midi", "records", "tmp"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    tracks: list[Record] = []
    seconds = 0.0
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        if order.sound and order.vocals:
            _learn_lines(out, order, pool)
        numbers = count() if songs is None else iter(range(songs))
        waiting = [pool.submit(build_song, out, i, order)
                   for _, i in zip(range(2 * workers + 2), numbers, strict=False)]  # fmt: skip
        while waiting:
            track = waiting.pop(0).result()
            tracks.append(track)
            seconds += track["duration"]
            done = len(tracks) / songs if songs else seconds / 3600 / (hours or 1)
            report(min(1.0, done), track)
            if songs is None and seconds >= (hours or 0) * 3600:
                break
            if (i := next(numbers, None)) is not None:
                waiting.append(pool.submit(build_song, out, i, order))
    except BrokenProcessPool:
        raise RenderError("a process was killed; was there memory for all --workers?") from None
    finally:
        pool.shutdown(cancel_futures=True)  # what has not begun, also at a fault and Ctrl-C
    shutil.rmtree(out / "tmp")
    write_json(out / "dataset.json", {"muze_dataset": 1, "tracks": tracks})
    return tracks
