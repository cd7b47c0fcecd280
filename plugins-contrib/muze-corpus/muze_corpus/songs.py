"""One song composed, rendered and written to a folder, or what is told of it brought up to date."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from muze_corpus.arrange import compose
from muze_corpus.holdout import SPLITS
from muze_corpus.production import draw_production, placed_voice, pressing_gain, toned
from muze_corpus.prompts import prompts
from muze_corpus.record import VERSION, record, resting, sung_record
from muze_corpus.render import (
    SAMPLE_RATE,
    SOUNDFONTS,
    Audio,
    RenderError,
    draw_sound,
    fitted,
    loudness_curve,
    mastering_gain,
    measured_loudness,
    midi,
    synthesise,
)  # fmt: skip
from muze_corpus.score import PRODUCTION, SOUND, WORDS, Rng, Song
from muze_corpus.singing import sing_song, unsung_truth

Record = dict[str, Any]

RENDERED = ("prompt", "prompts", "loudness", "loudness_curve", "stems", "production")
"""What a record tells besides the song's truth; it stays while the sound does."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What is made of every song."""

    seed: int
    split: str
    sound: bool = True
    """Whether anything is rendered, or songs are only composed and told."""
    stems: bool = False
    """Whether each role is rendered alone too."""
    vocals: bool = False
    """Whether a third of the songs is sung."""
    fonts: tuple[str, ...] = tuple(SOUNDFONTS)


def _write_flac(path: Path, audio: Audio) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        soundfile.write(part, audio, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    except soundfile.SoundFileError as fault:  # a full disk
        part.unlink(missing_ok=True)
        raise RenderError(f"{path}: cannot be written: {fault}") from None
    os.replace(part, path)


def write_json(path: Path, value: object) -> None:
    """Writes a file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
    os.replace(part, path)


def build_song(out: Path, index: int, order: Order) -> Record:
    """Composes, renders and writes one song, unless its record is there; gives the record back.

    A record of an older version is written anew, and what was rendered stays as it is, unless it
    is sung. Without ``sound`` nothing is rendered: the record tells what would be played, and no
    loudness.
    """
    name = f"{index:05d}"
    done = out / "records" / f"{name}.json"
    found: Record | None = None
    if done.exists():
        found = _found(done, order, index)
        if "loudness" not in found and (order.sound or found["provenance"]["version"] < VERSION):
            found = None  # only composed
        elif found["provenance"]["version"] < VERSION:
            song = compose(order.seed, index, order.split)
            found = _renewed(out, found, song, name, order.fonts)
            if found is None:
                done.unlink()  # or a build stopped now would leave it beside another sound
            else:
                write_json(done, found)
    stemmed = found is not None and "stems" in found and (out / "stems" / name).is_dir()
    if found is not None and (not order.stems or stemmed):
        return found
    song = compose(order.seed, index, order.split)
    truth = _rendered(out, song, name, order) if order.sound else _told(_truth(song, name), song)
    write_json(done, truth)
    return truth


def _found(done: Path, order: Order, index: int) -> Record:
    found: Record = json.loads(done.read_text(encoding="utf-8"))
    if found["seed"] != [order.seed, index] or found["split"] != order.split:
        raise ValueError(f"{done} is of seed {found['seed']}, {found['split']}; use another folder")
    made = found.get("production")  # which tells of a rendered song how it was
    if order.sound and made is not None:
        if ("vocal_notes" in found) != order.vocals:
            how = "without" if order.vocals else "with"
            raise ValueError(f"{done} was built {how} --vocals; use another folder")
        sound = draw_sound(_draws(order.seed, index, order.split, SOUND), order.fonts)
        if made["soundfont"] != sound.font:
            raise ValueError(f"{done} was built with other --soundfonts; use another folder")
    return found


def _renewed(out: Path, old: Record, song: Song, name: str, fonts: Sequence[str]) -> Record | None:
    """The record as it is told today of a song rendered before; None if that was another song.

    What is sung is told as it is rendered: of such a song there is None too.
    """
    truth, score, held = _truth(song, name), BytesIO(), out / old["midi_path"]
    midi(song, draw_sound(_draws(*song.seed, song.split, SOUND), fonts)).save(file=score)
    played = held.exists() and held.read_bytes() == score.getvalue()
    if old["has_vocals"] or not played or truth["duration"] != old["duration"]:
        why = "it is sung" if old["has_vocals"] else "this muze-corpus composes another song"
        logger.warning("%s: %s; it is rendered anew", held, why)
        return None
    truth |= unsung_truth() if "vocal_notes" in old else {}
    return truth | {key: old[key] for key in RENDERED if key in old}


def _truth(song: Song, name: str) -> Record:
    return {"audio_path": f"audio/{name}.flac", "midi_path": f"midi/{name}.mid", **record(song)}


def _told(truth: Record, song: Song) -> Record:
    texts = prompts(truth, _draws(*song.seed, song.split, WORDS))
    return truth | {"prompt": texts[0], "prompts": texts}


def _draws(seed: int, index: int, split: str, part: int) -> Rng:
    return np.random.default_rng([seed, index, SPLITS.index(split), part])


def _rendered(out: Path, song: Song, name: str, order: Order) -> Record:
    """Renders and writes a song, and gives its record."""
    sound = draw_sound(_draws(*song.seed, song.split, SOUND), order.fonts)
    desk = draw_production(_draws(*song.seed, song.split, PRODUCTION))
    vocal = sing_song(song, out / "spoken", SAMPLE_RATE) if order.vocals else None
    if vocal is not None:
        song = resting(song, vocal.rests)
    score = out / "midi" / f"{name}.mid"
    part = out / "tmp" / f"{name}.mid"
    midi(song, sound).save(part)
    music = toned(fitted(synthesise(part, sound, song.duration), song.duration), desk)
    sung: dict[str, Audio] = {}
    if vocal is not None:
        for role, alone, louder in (("voice", vocal.samples, 0.0), ("choir", vocal.backing, -5.0)):
            if alone is not None and np.abs(alone).max() > 0:
                sung[role] = placed_voice(fitted(alone, song.duration), music, desk, louder)
    audio = music + sum(sung.values())
    pressed = pressing_gain(audio, desk)
    gain = pressed * mastering_gain(audio * pressed, sound.target)
    audio = audio * gain
    loudness = measured_loudness(audio)
    if order.stems:
        fresh, whole = out / "tmp" / f"{name}-stems", out / "stems" / name
        shutil.rmtree(fresh, ignore_errors=True)
        for role in song.tracks:
            stem_midi = out / "tmp" / f"{name}-{role}.mid"
            midi(song, sound, [role]).save(stem_midi)
            stem = toned(fitted(synthesise(stem_midi, sound, song.duration), song.duration), desk)
            _write_flac(fresh / f"{role}.flac", stem * gain)
            stem_midi.unlink()
        for role, stem in sung.items():
            _write_flac(fresh / f"{role}.flac", stem * gain)
        shutil.rmtree(whole, ignore_errors=True)  # half filled, of an older muze-corpus
        whole.parent.mkdir(exist_ok=True)
        os.replace(fresh, whole)
    _write_flac(out / "audio" / f"{name}.flac", audio)
    os.replace(part, score)
    truth = _truth(song, name)
    if vocal is not None:
        truth = sung_record(truth, vocal.truth)
    elif order.vocals:
        truth |= unsung_truth()
    truth = _told(truth, song) | {"loudness": round(loudness, 2)}
    truth["production"] = {"soundfont": sound.font, "compressor": desk.compressor is not None,
                           "bandwidth": desk.bandwidth}  # fmt: skip
    if song.seed[1] % 2:  # a model learns to follow a curve, and to do without
        truth["loudness_curve"] = loudness_curve(audio)
    if order.stems:
        truth["stems"] = {r: f"stems/{name}/{r}.flac" for r in (*song.tracks, *sung)}
    return truth
