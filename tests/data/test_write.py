import errno
import json
import os

import pytest

from muze.core.errors import DatasetError
from muze.data.store import read_dataset, write_dataset

SONGS = [{"audio_path": f"{name}.wav", "duration": 1.5} for name in ("żółw", "b\n\"'")]
BOTH = pytest.mark.parametrize("name", ["songs.json", "songs.parquet"])


@BOTH
def test_what_is_written_is_read(tmp_path, name):
    write_dataset(tmp_path / name, iter(SONGS))
    assert read_dataset(tmp_path / name).tracks == tuple(SONGS)


@BOTH
def test_the_same_records_give_the_same_bytes(tmp_path, name):
    found = []
    for _ in range(2):
        write_dataset(tmp_path / name, SONGS)
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]


def test_json_has_a_line_for_each_track_and_letters_as_they_are(tmp_path):
    write_dataset(tmp_path / "songs.json", SONGS)
    lines = (tmp_path / "songs.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert '"żółw.wav"' in lines[1]


@BOTH
def test_an_interrupted_writing_leaves_what_was_there(tmp_path, name):
    def records():
        yield SONGS[0]
        raise KeyboardInterrupt

    path = tmp_path / name
    write_dataset(path, SONGS)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(path, records())
    assert read_dataset(path).tracks == tuple(SONGS)
    assert [*tmp_path.iterdir()] == [path]


@BOTH
@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, [[float("-inf")]]])
def test_what_is_no_json_is_told_with_its_track(tmp_path, name, value):
    records = [SONGS[0], {**SONGS[1], "audio_path": "b.wav", "loudness": value}]
    with pytest.raises(DatasetError, match=r"^b\.wav: cannot be written: "):
        write_dataset(tmp_path / name, records)
    assert not [*tmp_path.iterdir()]


@BOTH
def test_nothing_is_no_dataset(tmp_path, name):
    with pytest.raises(DatasetError, match="there are no tracks to write"):
        write_dataset(tmp_path / name, [])
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("songs.jsn", "did you mean '.json'"), ("songs.csv", r"\.json or \.parquet$"), ("songs", "")],
)
def test_another_suffix_is_told(tmp_path, name, hint):
    with pytest.raises(DatasetError, match=f"a dataset's name ends in .*{hint}"):
        write_dataset(tmp_path / name, SONGS)


def test_a_full_disk_is_told_with_the_dataset_s_name(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as fault:
        write_dataset(tmp_path / "songs.json", SONGS)
    assert fault.value.filename == str(tmp_path / "songs.json")
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "none" / "songs.json"
    with pytest.raises(FileNotFoundError) as fault:
        write_dataset(path, SONGS)
    assert fault.value.filename == str(path)


def test_half_a_pair_of_utf_16_comes_back(tmp_path):
    record = {**SONGS[0], "title": "\\\ud800"}
    write_dataset(tmp_path / "songs.json", [record])
    assert json.loads((tmp_path / "songs.json").read_bytes())["tracks"] == [record]
