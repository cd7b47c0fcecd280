"""Sounds of one voice, one part or one speaker, whose truth is known."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from muze_corpus.arrange import compose
from muze_corpus.holdout import HELD_OUT, SPLITS
from muze_corpus.programs import PROGRAM_NAMES
from muze_corpus.render import draw_sound, fitted, midi, synthesise
from muze_corpus.score import SOUND, Song
from numpy.typing import NDArray

from benchmarks.excerpts import RATE, SEED, Excerpt, build_songs, held_out_excerpts
from muze.audio.io import read_audio, resample
from muze.core.grid import Audio, TimeGrid
from muze.testing.singing import singing
from muze.testing.sounds import midi_to_hz

Notes = list[tuple[int, float, float]]
"""MIDI pitch, start and end in seconds."""

FAINT = 10 ** (-50 / 20)
"""Level, beside the loudest of its part, under which a note is not there."""
NEARLY = 10 ** (-12 / 20)
"""Level, beside another note, from which on a note sounds as well."""
PHRASES = (
    [(57, 0.2, 1.9), (62, 2.3, 3.5), (69, 3.6, 4.8), (65, 5.2, 6.6), (60, 6.7, 9.0)],
    [(50, 0.3, 1.5), (53, 1.6, 3.0), (52, 3.4, 5.2), (48, 5.6, 7.0), (50, 7.1, 9.2)],
    [(72, 0.2, 1.2), (74, 1.3, 2.6), (76, 3.0, 4.0), (72, 4.1, 5.4), (67, 5.9, 9.0)],
)
"""Sung notes, the breaths between them in the gaps of 0.4 s."""
SENTENCES = (
    "Headlights paint the rain on the road tonight.",
    "We drive until the morning finds the sea.",
    "Nobody knows the name of the river.",
    "Every window in the city is burning gold.",
    "Take the long way home and do not look back.",
    "The winter came early and stayed too long.",
)
SPEAKERS = ("en-us+m3", "en-us+f2", "en-gb+m7", "en-us+f4", "en-gb-scotland+m1", "en-gb-x-rp+f5")
"""Voices of espeak-ng."""


def song_of(index: int) -> Song:
    """Return a held-out song, not yet rendered."""
    return compose(SEED, index, HELD_OUT)


def seconds_of(song: Song, role: str) -> Notes:
    """Return the notes of a part."""
    clock = song.timeline
    return [
        (n.pitch, clock.seconds(n.start), clock.seconds(n.start + n.length))
        for n in song.tracks[role].notes
    ]


def part(folder: Path, song: Song, role: str, third: int | None = None) -> Audio:
    """Return one part of a song by itself, as in the song; or every third note of it."""
    name = f"{song.seed[1]:05d}-{role}{'' if third is None else f'-{third}'}.flac"
    path = folder / "parts" / name
    if not path.exists():
        # the draws of muze_corpus.build; what the desk does to a song is left out
        rng = np.random.default_rng([*song.seed, SPLITS.index(song.split), SOUND])
        sound, track = draw_sound(rng), song.tracks[role]
        if third is not None:
            some = sorted(track.notes, key=lambda n: n.start)[third::3]
            song = replace(song, tracks={**song.tracks, role: replace(track, notes=some)})
        with tempfile.TemporaryDirectory() as work:
            score = Path(work) / "part.mid"
            midi(song, sound, [role]).save(score)
            samples = fitted(synthesise(score, sound, song.duration), song.duration)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.clip(samples, -1, 1), RATE, subtype="PCM_24")
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(samples.T), RATE)


def songs_with(role: str, count: int) -> list[Song]:
    """Return those of the first held-out songs that have a part."""
    return [song for song in map(song_of, range(count)) if role in song.tracks]


def cut(audio: Audio, start: float, seconds: float) -> Audio:
    """Return some seconds of a sound, silence after its end."""
    first, length = round(start * RATE), round(seconds * RATE)
    samples = audio.mono[first : first + length]
    return Audio(np.pad(samples, (0, length - len(samples)))[None], RATE)


@cache
def solo_lines(
    folder: Path, role: str, count: int, seconds: float, written: bool = False
) -> list[Excerpt]:
    """Return the beginnings of the parts of a role that play one note at a time, with their F0.

    Inside the notes of the score, the F0 is that of the note which sounds loudest: samples swell
    and ring on, so that a note is heard some hundredths of a second after it is written. Which one
    that is, is known from renders of every third note. ``written`` takes the score at its word.
    The record tells too whether the part ``rings``: notes sound on beside the next ones.
    """
    found = []
    for song in songs_with(role, count):
        notes = sorted(seconds_of(song, role), key=lambda note: note[1])
        start, grid = max(0.0, notes[0][1] - 0.5), TimeGrid.of_song(seconds)
        f0, last = np.zeros(grid.frames), np.zeros((3, grid.frames))
        for index, (pitch, on, off) in enumerate(notes):
            first, end = grid.frames_between(on - start, off - start)
            f0[first:end] = midi_to_hz(pitch)
            last[index % 3, first:] = midi_to_hz(pitch)
        level = np.stack(
            [_level(cut(part(folder, song, role, third), start, seconds)) for third in range(3)]
        )
        _, second, loudest_level = np.sort(level, axis=0)
        sounds = loudest_level > FAINT * loudest_level.max()
        if not written:
            loudest = last[level.argmax(axis=0), np.arange(grid.frames)]
            f0 = np.where((f0 > 0) & sounds, loudest, 0)
        rings = bool((sounds & (second > NEARLY * loudest_level)).mean() > 0.25)
        record = {"f0_contour": f0.tolist(), "f0_voiced_mask": (f0 > 0).tolist(),
                  "melody_chroma": _classes(f0), "rings": rings}  # fmt: skip
        program = PROGRAM_NAMES[song.tracks[role].program]
        name = f"{role} {song.seed[1]:05d} {program} {'written' if written else 'sounding'}"
        audio = cut(part(folder, song, role), start, seconds)
        found.append(Excerpt(name, audio, grid, record))
    return found


def _level(audio: Audio) -> NDArray[np.float64]:
    """RMS of each 10 ms, over 30 ms."""
    frames = audio.mono.reshape(-1, RATE // 100).astype(float)
    power = np.convolve(np.square(frames).mean(axis=1), np.full(3, 1 / 3), "same")
    return np.sqrt(power)


def _classes(f0: NDArray[np.float64]) -> list[int]:
    """Pitch classes as records have them, every 128 ms, from F0 (T,) at 100 Hz."""
    middle = ((np.arange(len(f0) // 12.8) + 0.5) * 12.8).astype(int)
    sounding = np.maximum(f0[middle], 1.0)
    pitch = np.round(69 + 12 * np.log2(sounding / 440)).astype(int) % 12
    return [int(p) if f else -1 for p, f in zip(pitch, f0[middle], strict=True)]


@cache
def drum_parts(folder: Path, count: int, whole: bool) -> list[Excerpt]:
    """Return the songs that have drums, whole or the drums alone, with their hits."""
    records, found = build_songs(folder, count, SEED, HELD_OUT), []
    for song in songs_with("drums", count):
        record = records[song.seed[1]]
        mix = read_audio(folder / record["audio_path"]) if whole else None
        audio = mix or part(folder, song, "drums")
        grid = TimeGrid.of_song(song.duration)
        found.append(Excerpt(f"drums {song.seed[1]:05d} {whole}", audio, grid, record))
    return found


@cache
def sung_phrases(count: int) -> list[Excerpt]:
    """Return synthetic singing of every rate, depth and voice, with breaths between phrases."""
    rng, found = np.random.default_rng(11), []
    for index in range(count):
        notes = PHRASES[index % len(PHRASES)]
        gaps = [(a[2], b[1]) for a, b in itertools.pairwise(notes)]
        breaths = [start + 0.05 for start, end in gaps if end - start > 0.3]
        told = {"rate": float(rng.uniform(4, 7.5)), "depth": float(rng.uniform(15, 80))}
        audio = singing(
            notes, 9.5, **told, breaths=breaths, breath_length=float(rng.uniform(0.15, 0.3)),
            breath_level=float(rng.uniform(0.02, 0.08)), hiss=float(rng.uniform(0, 0.003)),
            seed=100 + index,
        )  # fmt: skip
        record = {
            "vibrato_rate": told["rate"], "vibrato_depth": told["depth"], "vibrato_extent": 1.0,
            "breath_positions": breaths,
        }  # fmt: skip
        found.append(Excerpt(f"sung {index}", audio, TimeGrid.of_song(audio.duration), record))
    return found


def spoken(text: str, speaker: str) -> Audio:
    """Return a sentence spoken by espeak-ng."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "said.wav"
        command = ["espeak-ng", "-v", speaker, "-s", "150", "-w", str(path), text]
        subprocess.run(command, check=True, capture_output=True)
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(samples.T), rate)


@cache
def sentences() -> list[Excerpt]:
    """Return each sentence by each speaker, with its words."""
    found = []
    for speaker in SPEAKERS:
        for text in SENTENCES:
            audio = spoken(text, speaker)
            about: dict[str, Any] = {"values": {"lyrics": text}, "speaker": speaker}
            grid = TimeGrid.of_song(audio.duration)
            found.append(Excerpt(f"{speaker}: {text}", audio, grid, about))
    return found


@cache
def songs_and_speech(folder: Path, count: int) -> list[Excerpt]:
    """Return 10 s of each song without a voice, and the same with a speaker as loud over it."""
    found = []
    for index, excerpt in enumerate(held_out_excerpts(folder, count, 10.0)):
        text, speaker = SENTENCES[index % len(SENTENCES)], SPEAKERS[index // 2 % len(SPEAKERS)]
        said = resample(spoken(text, speaker), RATE).mono
        music = excerpt.audio.mono
        voice = np.zeros_like(music)
        voice[RATE : RATE + len(said)] = said[: len(music) - RATE]
        sung = RATE, RATE + len(said)
        level = np.sqrt(np.square(music[slice(*sung)]).mean() / np.square(said).mean())
        for name, has in (("alone", False), (speaker, True)):
            mix = Audio((music + has * level * voice)[None].astype(np.float32), RATE)
            known = {"has_vocals": has}
            found.append(Excerpt(f"{excerpt.name} {name}", mix, excerpt.grid, known))
    return found


@cache
def pairs(same: bool) -> list[Excerpt]:
    """Return two sentences each by one speaker, beside two others by the same or another one."""
    found = []
    for number, speaker in enumerate(SPEAKERS):
        others = [speaker] if same else list(SPEAKERS[:number])
        for other in others:
            first, second = (
                spoken(" ".join(SENTENCES[part]), who)
                for part, who in ((slice(0, 2), speaker), (slice(2, 4), other))
            )
            grid = TimeGrid.of_song(first.duration)
            found.append(Excerpt(f"{speaker}, {other}", first, grid, {"other": second}))
    return found


@cache
def noted_songs(folder: Path, count: int, seconds: float) -> list[Excerpt]:
    """Return excerpts of the songs with every note in them that is no drum's."""
    found = []
    for index, excerpt in enumerate(held_out_excerpts(folder, count, seconds)):
        song = song_of(index)
        notes = [
            {"pitch": pitch, "start": on, "end": off, "program": song.tracks[role].program}
            for role in song.tracks
            if role != "drums"
            for pitch, on, off in seconds_of(song, role)
        ]
        found.append(Excerpt(excerpt.name, excerpt.audio, excerpt.grid, {"notes": notes}))
    return found


@cache
def noted_parts(folder: Path, role: str, count: int, seconds: float) -> list[Excerpt]:
    """Return the beginnings of the parts of a role, alone, with their notes."""
    found = []
    for song in songs_with(role, count):
        notes = [
            {"pitch": pitch, "start": on, "end": off, "program": song.tracks[role].program}
            for pitch, on, off in seconds_of(song, role)
        ]
        start = max(0.0, min(note["start"] for note in notes) - 0.5)
        whole = TimeGrid.of_song(song.duration)
        grid = whole.window(round(start * whole.frame_rate), round(seconds * whole.frame_rate))
        audio = cut(part(folder, song, role), grid.start, grid.duration)
        found.append(Excerpt(f"{role} {song.seed[1]:05d}", audio, grid, {"notes": notes}))
    return found
