"""Sound files: read in any format and at any rate, written whole or not at all."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from mutagen import id3
from mutagen.wave import WAVE

from muze.core.errors import AudioError, did_you_mean
from muze.core.grid import Audio

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""What can be written: suffix to libsndfile's format and subtype."""
TAGS = {
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "comment": id3.COMM,
    "software": id3.TSSE,
    "date": id3.TDRC,
    "genre": id3.TCON,
    "copyright": id3.TCOP,
}
"""What can be told of a sound: libsndfile's name and the ID3v2 frame."""
SOUNDFILE_SUFFIXES = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"}
MUSIC_SUFFIXES = (
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma",
)  # fmt: skip
"""What a file is called in which music is looked for."""
DATA_SIZES = re.compile(r"data : (\d+) \(should be (\d+)\)")
"""What libsndfile notes of a WAV whose header promises other than the file has."""
NO_LAST_PAGE = "Last page lacks an end-of-stream bit"
"""What libsndfile notes of an Ogg file that was cut."""
UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""Data sizes a program writes into a WAV header when it cannot know them, as ffmpeg to a pipe."""


def read_audio(path: Path) -> Audio:
    """Return a file's sound at its own rate, every channel of it.

    Raises:
        AudioError: the file is missing, empty, cut short, no sound, or needs ffmpeg.
    """
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty")
    try:
        samples, rate = _read_soundfile(path)
    except PermissionError as fault:
        raise AudioError(f"{path}: may not be read") from fault
    except soundfile.LibsndfileError as fault:
        if path.suffix.lower() in SOUNDFILE_SUFFIXES:
            raise AudioError(
                f"{path}: is no sound that can be read ({fault.error_string.strip(' .')})"
            ) from fault
        samples, rate = _read_ffmpeg(path)
    if samples.shape[1] == 0:
        raise AudioError(f"{path}: holds no sound")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: holds samples that are no numbers")
    return Audio(samples, rate)


def _read_soundfile(path: Path) -> tuple[np.ndarray, int]:
    with path.open("rb") as opened, soundfile.SoundFile(opened) as file:
        samples = file.read(dtype="float32", always_2d=True).T
        if is_cut_short(file, samples.shape[1]):
            raise AudioError(f"{path}: is cut short; only {samples.shape[1]} samples are there")
        return np.ascontiguousarray(samples), int(file.samplerate)


def is_cut_short(file: soundfile.SoundFile, num_read: int) -> bool:
    """Return whether a file promised more samples than could be read from it."""
    cut = DATA_SIZES.search(file.extra_info)
    if cut is not None and int(cut[1]) not in UNKNOWN_LENGTHS:
        return int(cut[1]) > int(cut[2])
    # an MP3 whose header gives no length has an estimate of it only
    certain = 0.9 if file.format in ("MP3", "MPEG") else 1.0
    return NO_LAST_PAGE in file.extra_info or num_read < certain * file.frames


def _read_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{path}: {path.suffix or 'this format'} needs ffmpeg, which is not installed; "
            "install it, or convert the file to wav, flac, ogg or mp3"
        )
    # "-xerror" makes damage an error; the rate is kept, WAV carries it
    command = [ffmpeg, "-v", "error", "-xerror", "-i", str(path), "-f", "wav", "-"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0 or not done.stdout:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise AudioError(f"{path}: ffmpeg cannot read it ({told[-1] if told else 'no sound'})")
    samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), int(rate)


def resample(audio: Audio, sample_rate: int) -> Audio:
    """Return the sound at another rate (libsoxr, very high quality)."""
    if audio.sample_rate == sample_rate:
        return audio
    samples = soxr.resample(audio.samples.T, audio.sample_rate, sample_rate, quality="VHQ")
    return Audio(np.ascontiguousarray(samples.T, dtype=np.float32), sample_rate)


def known_format(path: Path) -> str:
    """Return the suffix of a file that can be written.

    Raises:
        AudioError: sound is not written in that format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        hint = did_you_mean(suffix, FORMATS)
        raise AudioError(
            f"{path}: cannot write {suffix or 'a file without a suffix'}; "
            f"end its name in {', '.join(FORMATS)}{hint}"
        )
    return suffix


def write_audio(path: Path, audio: Audio, tags: Mapping[str, str] | None = None) -> None:
    """Write the sound in the format its suffix names, 16 bit where that applies.

    Raises:
        AudioError: the format is unknown, or the samples would clip.
        OSError: the folder is missing or not writable, or the disk is full; names the file.
    """
    write_whole(path, encode_audio(path, audio, tags))


def encode_audio(path: Path, audio: Audio, tags: Mapping[str, str] | None = None) -> memoryview:
    """Return the bytes of the sound file that ``path`` names, and write nothing.

    Raises:
        AudioError: the format is unknown, or the samples would clip.
    """
    suffix = known_format(path)
    container, subtype = FORMATS[suffix]
    tags = tags or {}
    for tag in tags:
        if tag not in TAGS:
            raise ValueError(f"unknown tag {tag!r}{did_you_mean(tag, TAGS)}")
    peak = float(max(audio.samples.max(initial=0.0), -audio.samples.min(initial=0.0)))
    if not peak <= 1.0:
        raise AudioError(f"{path}: a peak of {peak:.3f} would clip; limit the sound first")
    encoded = io.BytesIO()
    channels, rate = audio.samples.shape[0], audio.sample_rate
    with soundfile.SoundFile(
        encoded, "w", rate, channels, subtype=subtype, format=container
    ) as file:
        if suffix != ".mp3":  # where libsndfile writes UTF-8 and says that it is Latin-1
            for tag, text in tags.items():
                setattr(file, tag, text)
        # in pieces: libsndfile's Vorbis encoder overflows its stack on minutes at once
        for first in range(0, audio.samples.shape[1], 1 << 16):
            file.write(audio.samples[:, first : first + (1 << 16)].T)
    if suffix in (".mp3", ".wav") and tags:
        _add_id3(encoded, suffix, tags)
    return encoded.getbuffer()


def _add_id3(encoded: io.BytesIO, suffix: str, tags: Mapping[str, str]) -> None:
    """Add the tags as ID3v2.4 in UTF-8; ID3v1 has room for 30 letters of Latin-1, so none.

    A WAV has them beside its own, whose alphabet nobody has fixed.
    """
    encoded.seek(0)
    if suffix == ".wav":
        wave = WAVE(encoded)
        wave.add_tags()
        frames = wave.tags
    else:
        frames = id3.ID3()
    for tag, text in tags.items():
        frames.add(TAGS[tag](encoding=id3.Encoding.UTF8, text=[text]))
    encoded.seek(0)
    frames.save(encoded, v1=0, padding=lambda _: 0)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that it is there complete or not at all, whatever interrupts.

    Raises:
        OSError: it cannot be written; names the file.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes | memoryview]) -> None:
    """Write files so that all of them are there complete, or none is, whatever interrupts.

    Only a process killed between two renames leaves some; they are renamed in the order given.

    Raises:
        OSError: one of them cannot be written; names that file, and none is written.
    """
    partial = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in files}
    try:
        for path, data in files.items():
            with _named(path), partial[path].open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        try:
            for path, part in partial.items():
                with _named(path):
                    part.replace(path)
        except KeyboardInterrupt:  # too late to leave none, so leave all
            for path, part in partial.items():
                if part.exists():
                    part.replace(path)
            raise
    finally:
        for part in partial.values():
            part.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an ``OSError`` name the file meant: those of a full disk name none."""
    try:
        yield
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
