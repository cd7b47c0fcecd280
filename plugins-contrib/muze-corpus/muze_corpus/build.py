"""Songs written to a folder, in parallel, going on where a stopped build was."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from muze_corpus.arrange import compose
from muze_corpus.holdout import SPLITS
from muze_corpus.prompts import prompts
from muze_corpus.record import VERSION, record
from muze_corpus.render import (
    SAMPLE_RATE,
    Audio,
    draw_sound,
    fitted,
    loudness_curve,
    mastering_gain,
    measured_loudness,
    midi,
    soundfont,
    synthesise,
)  # fmt: skip
from muze_corpus.score import Rng, Song

Record = dict[str, Any]

RENDERED = ("prompt", "prompts", "loudness", "loudness_curve", "stems")
"""What a record tells besides the song's truth; it stays while the sound does."""
logger = logging.getLogger(__name__)


def _write_flac(path: Path, audio: Audio) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    soundfile.write(part, audio, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    os.replace(part, path)


def _write_json(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
    os.replace(part, path)


def build_song(
    out: Path, seed: int, index: int, split: str, stems: bool = False, sound: bool = True
) -> Record:
    """Composes, renders and writes one song, unless its record is there; gives the record back.

    A record of an older version is written anew, and what was rendered stays as it is. Without
    ``sound`` nothing is rendered: the record tells what would be played, and no loudness.
    """
    name = f"{index:05d}"
    done = out / "records" / f"{name}.json"
    found: Record | None = None
    if done.exists():
        found = _found(done, seed, index, split)
        if "loudness" not in found and (sound or found["provenance"]["version"] < VERSION):
            found = None  # only composed
        elif found["provenance"]["version"] < VERSION:
            found = _renewed(out, found, compose(seed, index, split), name)
            if found is None:
                done.unlink()  # or a build stopped now would leave it beside another sound
            else:
                _write_json(done, found)
    if found is not None and (not stems or ("stems" in found and (out / "stems" / name).is_dir())):
        return found
    song = compose(seed, index, split)
    truth = _rendered(out, song, name, stems) if sound else _told(_truth(song, name), song)
    _write_json(done, truth)
    return truth


def _found(done: Path, seed: int, index: int, split: str) -> Record:
    found: Record = json.loads(done.read_text(encoding="utf-8"))
    if found["seed"] != [seed, index] or found["split"] != split:
        raise ValueError(f"{done} is of seed {found['seed']}, {found['split']}; use another folder")
    return found


def _renewed(out: Path, old: Record, song: Song, name: str) -> Record | None:
    """The record as it is told today of a song rendered before; None if that was another song."""
    truth, score, held = _truth(song, name), BytesIO(), out / old["midi_path"]
    midi(song, draw_sound(_draws(song, 2))).save(file=score)
    played = held.exists() and held.read_bytes() == score.getvalue()
    if not played or truth["duration"] != old["duration"]:
        logger.warning("%s: this muze-corpus composes another song; it is rendered anew", held)
        return None
    return truth | {key: old[key] for key in RENDERED if key in old}


def _truth(song: Song, name: str) -> Record:
    return {"audio_path": f"audio/{name}.flac", "midi_path": f"midi/{name}.mid", **record(song)}


def _told(truth: Record, song: Song) -> Record:
    texts = prompts(truth, _draws(song, 1))
    return truth | {"prompt": texts[0], "prompts": texts}


def _draws(song: Song, part: int) -> Rng:
    # words and sound have draws of their own, so that either can change without the music changing
    return np.random.default_rng([*song.seed, SPLITS.index(song.split), part])


def _rendered(out: Path, song: Song, name: str, stems: bool) -> Record:
    """Renders and writes a song, and gives its record."""
    sound = draw_sound(_draws(song, 2))
    score, wav = out / "midi" / f"{name}.mid", out / "tmp" / f"{name}.wav"
    part = out / "tmp" / f"{name}.mid"
    midi(song, sound).save(part)
    audio = fitted(synthesise(part, wav, sound), song.duration)
    gain = mastering_gain(audio, sound.target)
    audio = audio * gain
    loudness = measured_loudness(audio)
    if stems:
        fresh, whole = out / "tmp" / f"{name}-stems", out / "stems" / name
        shutil.rmtree(fresh, ignore_errors=True)
        for role in song.tracks:
            stem_midi = out / "tmp" / f"{name}-{role}.mid"
            midi(song, sound, [role]).save(stem_midi)
            stem = fitted(synthesise(stem_midi, wav, sound), song.duration)
            _write_flac(fresh / f"{role}.flac", stem * gain)
            stem_midi.unlink()
        shutil.rmtree(whole, ignore_errors=True)  # half filled, of an older muze-corpus
        whole.parent.mkdir(exist_ok=True)
        os.replace(fresh, whole)
    _write_flac(out / "audio" / f"{name}.flac", audio)
    os.replace(part, score)
    truth = _told(_truth(song, name), song) | {"loudness": round(loudness, 2)}
    if song.seed[1] % 2:  # a model learns to follow a curve, and to do without
        truth["loudness_curve"] = loudness_curve(audio)
    if stems:
        truth["stems"] = {role: f"stems/{name}/{role}.flac" for role in song.tracks}
    return truth


def build(
    out: Path, *, seed: int, split: str, songs: int | None = None, hours: float | None = None,
    workers: int = 1, stems: bool = False, sound: bool = True,
    report: Callable[[float, Record], None] = lambda *_: None,
) -> list[Record]:  # fmt: skip
    """Writes songs 0, 1, 2... until there are enough, then dataset.json; gives the records back.

    Args:
        out: The folder, made if absent.
        seed: Decides, with a song's number, everything about it.
        split: train or held-out.
        songs: How many songs.
        hours: Or how many hours at least.
        workers: Processes.
        stems: Whether each role is rendered alone too.
        sound: Whether anything is rendered, or songs are only composed and told.
        report: Called with the fraction done and the record of every song.

    Raises:
        RenderError: where FluidSynth or its soundfont is missing.
    """
    if sound:
        soundfont()
    for folder in ("audio", "midi", "records", "tmp"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    tracks: list[Record] = []
    seconds = 0.0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        numbers = count() if songs is None else iter(range(songs))
        waiting = [pool.submit(build_song, out, seed, i, split, stems, sound)
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
                waiting.append(pool.submit(build_song, out, seed, i, split, stems, sound))
        for future in waiting:
            future.cancel()
    if not any((out / "tmp").iterdir()):
        (out / "tmp").rmdir()
    _write_json(out / "dataset.json", {"muze_dataset": 1, "tracks": tracks})
    return tracks
