import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from muze.core.errors import DatasetError
from muze.data.check import check_dataset
from muze.report import SilentReport


@pytest.fixture
def faults(write):
    def faults(records, name="songs.json", **options):
        found = check_dataset(write(records, name), SilentReport(), **options)
        return [(fault.track, fault.key, fault.text) for fault in found]

    return faults


def track(path, **said):
    return {"audio_path": path, "duration": 2.0, **said}


@pytest.mark.parametrize("name", ["songs.json", "songs.parquet"])
def test_a_dataset_whose_sound_is_as_told_has_no_faults(music, record, faults, name):
    music("a.wav", "b.wav")
    assert faults([record(), track("b.wav")], name) == []


@pytest.mark.parametrize("name", ["songs.json", "songs.parquet"])
def test_all_faults_of_all_tracks_are_told_at_once(music, faults, name):
    music("a.wav", "b.wav")
    records = [
        track("a.wav", tempo=-3.0, key="H"),
        track("gone.wav"),
        track("b.wav", duration=2.5, beat_positions=[1.0, 0.5]),
        track("./a.wav"),
    ]
    assert faults(records, name) == [
        (0, "tempo", "Input should be greater than or equal to 20"),
        (0, "key", "unknown key 'H'; write it like A minor or F# dorian; tonics are A to G with "
                   "# or b"),
        (1, "audio_path", "there is no such file"),
        (2, "beat_positions", "must rise, but 0.5 at 1 follows 1"),
        (2, "duration", "is 2.5 s, but the sound lasts 2 s"),
        (3, "audio_path", "is the same file as track 0"),
    ]  # fmt: skip


def test_a_fault_says_where_it_is(write):
    (fault,) = check_dataset(write([track("gone.wav")]), SilentReport())
    assert str(fault) == "track 0 (gone.wav): audio_path: there is no such file"
    assert fault.to_json()["key"] == "audio_path"


def test_records_that_are_none_are_told(write, music):
    music("a.wav")
    path = write({"muze_dataset": 1, "tracks": [3, {"audio_path": 5}, track("a.wav")]})
    found = [str(fault) for fault in check_dataset(path, SilentReport())]
    assert found == [
        "track 0 (None): should be a mapping of fields",
        "track 1 (None): audio_path: Input should be a valid string",
        "track 1 (None): duration: Field required",
    ]


def test_two_names_of_one_sound_are_told(music, faults):
    music("a.wav", "b.wav")
    same = {"audio_sha256": "ab" * 32}
    assert faults([track("a.wav", **same), track("b.wav", **same)]) == [
        (1, "audio_sha256", "is the same sound as track 0")
    ]


def test_files_that_are_no_sound_are_told(music, faults, tmp_path):
    music("cut.wav")
    content = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.mp3").write_text("not music")
    (tmp_path / "text.m4a").write_text("not music")
    (tmp_path / "empty.flac").touch()
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    names = ("cut.wav", "text.mp3", "text.m4a", "empty.flac", "folder.wav", "pipe.wav",
             "x" * 300 + ".wav", "nul\0.wav")  # fmt: skip
    told = [text for _, key, text in faults([track(name) for name in names]) if key == "audio_path"]
    assert len(told) == len(names)
    assert told[0] == "is cut short"
    assert told[1].startswith("is no sound that can be read")
    assert "ffmpeg" in told[2]
    assert told[3:] == ["the file is empty", *["there is no such file"] * 2,
                        "cannot be read (File name too long)", "there is no such file"]  # fmt: skip


def test_damage_behind_a_header_is_found_by_decoding(faults, tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    soundfile.write(tmp_path / "a.flac", noise, 8000)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert faults([track("a.flac")]) == []
    ((_, key, text),) = faults([track("a.flac")], decode=True)
    assert key == "audio_path"
    assert "cut short" in text or "no sound" in text


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="makes the files")
@pytest.mark.parametrize("decode", [False, True])
def test_lengths_are_read_of_every_format(faults, tmp_path, decode):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 64000)
    soundfile.write(tmp_path / "a.wav", noise, 32000)
    made = {"a.mp3": [], "b.mp3": ["-write_xing", "0", "-id3v2_version", "0"], "a.m4a": [],
            "a.opus": [], "a.ogg": []}  # fmt: skip
    for name, options in made.items():
        command = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *options, tmp_path / name]
        subprocess.run(command, check=True)
    assert faults([track(name) for name in made], decode=decode) == []
    wrong = faults([track(name, duration=2.4) for name in made], decode=decode)
    assert [(number, key) for number, key, _ in wrong] == [(n, "duration") for n in range(5)]


def test_a_file_that_is_no_dataset_is_told(tmp_path):
    with pytest.raises(DatasetError, match="there is no such dataset"):
        check_dataset(tmp_path / "none.json", SilentReport())
