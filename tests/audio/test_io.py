import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mutagen
import numpy as np
import pytest
import soundfile

from muze.audio import io as audio_io
from muze.audio.io import (
    TAGS,
    encode_audio,
    read_audio,
    resample,
    write_audio,
    write_together,
    write_whole,
)
from muze.core.errors import AudioError
from muze.core.grid import Audio

RATE = 32_000


def tone(seconds=1.0, hz=440.0, rate=RATE, channels=1):
    t = np.arange(round(seconds * rate)) / rate
    wave = (0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32)
    return Audio(np.stack([wave] * channels), rate)


def main_frequency(audio):
    spectrum = np.abs(np.fft.rfft(audio.mono * np.hanning(audio.mono.size)))
    return spectrum.argmax() * audio.sample_rate / audio.mono.size


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    path = tmp_path / f"tone{suffix}"
    write_audio(path, tone(), {"title": "A tone"})
    heard = read_audio(path)
    assert heard.sample_rate == RATE
    assert heard.samples.dtype == np.float32
    assert abs(heard.duration - 1.0) < 0.06  # an MP3 is padded to whole frames
    assert abs(main_frequency(heard) - 440) < 1.5
    with soundfile.SoundFile(path) as file:
        assert file.title == "A tone"


TITLES = ["Übermut 🎵", "Ein sehr langes Lied über Äpfel, Öl und Übermut 🎵 und 日本語 dazu"]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_title_is_read_back_in_any_alphabet(tmp_path, suffix, title):
    path = tmp_path / f"tone{suffix}"
    write_audio(path, tone(), {"title": title, "software": "muze"})
    tags = mutagen.File(path).tags
    [told] = tags["TIT2"].text if suffix in (".wav", ".mp3") else tags["title"]
    assert told == title
    with soundfile.SoundFile(path) as file:
        assert file.title == title
    assert read_audio(path).samples.any()


def test_an_mp3_has_its_tags_in_utf_8_and_in_no_older_kind(tmp_path):
    tags = dict.fromkeys(TAGS, "Grüße") | {"date": "2026"}
    data = bytes(encode_audio(tmp_path / "a.mp3", tone(), tags))
    assert data.startswith(b"ID3\x04")
    assert data[-128:-125] != b"TAG"
    frames = mutagen.id3.ID3(io.BytesIO(data)).values()
    assert {frame.encoding for frame in frames} == {mutagen.id3.Encoding.UTF8}
    assert sorted(str(frame) for frame in frames) == sorted(tags.values())


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])  # Ogg numbers its streams by chance
def test_the_same_sound_and_tags_give_the_same_bytes(tmp_path, suffix):
    first, again = (
        bytes(encode_audio(tmp_path / f"a{suffix}", tone(), {"title": TITLES[0]})) for _ in range(2)
    )
    assert first == again


def test_tags_change_no_sample(tmp_path):
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        write_audio(tmp_path / f"a{suffix}", tone())
        write_audio(tmp_path / f"b{suffix}", tone(), {"title": TITLES[1]})
        plain, tagged = (read_audio(tmp_path / f"{name}{suffix}") for name in "ab")
        np.testing.assert_array_equal(plain.samples, tagged.samples)


def test_stereo_keeps_its_channels(tmp_path):
    write_audio(tmp_path / "s.wav", tone(channels=2))
    assert read_audio(tmp_path / "s.wav").samples.shape == (2, RATE)


def test_the_same_sound_gives_the_same_bytes(tmp_path):
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, tone())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_resampling_keeps_pitch_and_length():
    slow = resample(tone(rate=44_100), RATE)
    assert slow.samples.shape == (1, RATE)
    assert abs(main_frequency(slow) - 440) < 1.5
    same = tone()
    assert resample(same, RATE) is same


def test_a_suffix_in_capitals_is_known(tmp_path):
    write_audio(tmp_path / "T.WAV", tone())
    assert read_audio(tmp_path / "T.WAV").duration == 1.0


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_cut_short_is_told(tmp_path, suffix):
    path = tmp_path / f"tone{suffix}"
    write_audio(path, tone(4.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"tone\.\w+: is"):
        read_audio(path)


def test_a_wav_whose_writer_could_not_know_its_length_is_read(tmp_path):
    encoded = io.BytesIO()
    soundfile.write(encoded, tone().samples.T, RATE, format="WAV")
    data = bytearray(encoded.getvalue())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(data)
    assert read_audio(tmp_path / "piped.wav").duration == 1.0


@pytest.mark.parametrize("name", ["text.mp3", "text.wav", "text.ogg", "text.flac"])
def test_text_called_audio_is_told_in_one_line(tmp_path, name):
    (tmp_path / name).write_text("this is no sound\n" * 100)
    with pytest.raises(AudioError) as told:
        read_audio(tmp_path / name)
    assert name in str(told.value)
    assert "\n" not in str(told.value)


def test_missing_empty_and_silent_files_are_told(tmp_path):
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full((9, 1), np.nan), RATE, subtype="FLOAT")
    for name, told in (
        ("nowhere.wav", "no such file"),
        ("empty.wav", "is empty"),
        ("none.wav", "holds no sound"),
        ("nan.wav", "no numbers"),
    ):
        with pytest.raises(AudioError, match=told):
            read_audio(tmp_path / name)
    with pytest.raises(AudioError, match="no such file"):
        read_audio(tmp_path)


def test_a_format_soundfile_lacks_asks_for_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_io.shutil, "which", lambda name: None)
    (tmp_path / "song.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(64))
    with pytest.raises(AudioError, match="needs ffmpeg, which is not installed"):
        read_audio(tmp_path / "song.m4a")


def test_ffmpeg_decodes_what_soundfile_cannot(tmp_path, monkeypatch):
    encoded = io.BytesIO()
    soundfile.write(encoded, tone().samples.T, RATE, format="WAV")
    monkeypatch.setattr(audio_io.shutil, "which", lambda name: "/usr/bin/ffmpeg")
    monkeypatch.setattr(
        audio_io.subprocess,
        "run",
        lambda command, **_: SimpleNamespace(
            returncode=0, stdout=encoded.getvalue() if "-xerror" in command else b"", stderr=b""
        ),
    )
    (tmp_path / "song.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(64))
    assert read_audio(tmp_path / "song.m4a").duration == 1.0
    failed = SimpleNamespace(returncode=1, stdout=b"", stderr=b"one\nmoov atom not found\n")
    monkeypatch.setattr(audio_io.subprocess, "run", lambda command, **_: failed)
    with pytest.raises(AudioError, match="moov atom not found"):
        read_audio(tmp_path / "song.m4a")


def test_what_would_clip_is_not_written(tmp_path):
    loud = Audio(tone().samples * 3, RATE)
    with pytest.raises(AudioError, match="would clip"):
        write_audio(tmp_path / "loud.wav", loud)
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_is_told_with_those_there_are(tmp_path):
    with pytest.raises(AudioError, match=r"\.wav, \.flac, \.ogg, \.mp3.*did you mean '\.wav'"):
        write_audio(tmp_path / "a.wave", tone())
    with pytest.raises(AudioError, match="without a suffix"):
        write_audio(tmp_path / "a", tone())


def test_a_misspelt_tag_is_refused(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'title'"):
        write_audio(tmp_path / "a.wav", tone(), {"titel": "x"})


class Full:
    """Raises at the ``at``-th call, as a full disk or Ctrl-C would; says nothing of the file."""

    def __init__(self, call, at, fault):
        self.call, self.left, self.fault = call, at, fault

    def __call__(self, *arguments):
        self.left -= 1
        if self.left == 0:
            raise self.fault
        return self.call(*arguments)


FAULTS = [OSError(28, "No space left on device"), KeyboardInterrupt()]


@pytest.fixture
def files(tmp_path):
    """Two files that are there, and what shall take their place."""
    for name in ("song.plan.json", "song.wav"):
        (tmp_path / name).write_bytes(b"old")
    return {tmp_path / name: b"new" for name in ("song.plan.json", "song.wav")}


def read(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch, fault):
    (tmp_path / "song.wav").write_bytes(b"the old one")
    monkeypatch.setattr(os, "fsync", Full(os.fsync, 1, fault))
    with pytest.raises(type(fault)):
        write_whole(tmp_path / "song.wav", b"the new one")
    assert read(tmp_path) == {"song.wav": b"the old one"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [1, 2])
def test_files_written_together_are_all_the_old_ones_where_one_cannot_be_written(
    files, tmp_path, monkeypatch, fault, at
):
    monkeypatch.setattr(os, "fsync", Full(os.fsync, at, fault))
    with pytest.raises(type(fault)):
        write_together(files)
    assert read(tmp_path) == {"song.plan.json": b"old", "song.wav": b"old"}


def test_files_written_together_are_all_the_new_ones_where_ctrl_c_comes_between_their_renames(
    files, tmp_path, monkeypatch
):
    replace = Full(Path.replace, 2, KeyboardInterrupt())
    monkeypatch.setattr(Path, "replace", lambda part, path: replace(part, path))
    with pytest.raises(KeyboardInterrupt):
        write_together(files)
    assert read(tmp_path) == {"song.plan.json": b"new", "song.wav": b"new"}


def test_files_written_together_are_there(files, tmp_path):
    write_together(files)
    assert read(tmp_path) == {"song.plan.json": b"new", "song.wav": b"new"}


def test_a_full_disk_is_told_with_the_file(files, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Full(os.fsync, 2, OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left") as told:
        write_together(files)
    assert told.value.filename == str(tmp_path / "song.wav")


def test_a_disk_that_really_is_full_is_told_with_the_file(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from muze.audio.io import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_whole(Path('song.wav'), bytes(8192))\n"
        "except OSError as fault: print(fault.filename, fault.strerror)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "song.wav File too large\n"
    assert read(tmp_path) == {}


def test_a_sound_is_encoded_and_nothing_is_written(tmp_path):
    data = bytes(encode_audio(tmp_path / "a.wav", tone()))
    assert read(tmp_path) == {}
    write_audio(tmp_path / "a.wav", tone())
    assert read(tmp_path) == {"a.wav": data}


def test_minutes_of_ogg_are_written_whole(tmp_path):
    write_audio(tmp_path / "long.ogg", tone(120.0))
    assert abs(read_audio(tmp_path / "long.ogg").duration - 120.0) < 0.05
