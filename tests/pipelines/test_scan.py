"""Tests of what a folder of music holds."""

import os
from pathlib import Path

import pytest

from muze.core.errors import DatasetError
from muze.pipelines.scan import scan

NAMES = ["a b.mp3", "ça và'l\"x.flac", "日本/曲.WAV", "line\nbreak.ogg", "z.m4a", "x/y/z.opus"]


def fill(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_sound_files_are_found_in_order_whatever_they_are_called(tmp_path: Path) -> None:
    fill(tmp_path, [*NAMES, "cover.jpg", ".hidden.mp3", ".trash/x.mp3", "notes.txt"])
    found = scan(tmp_path)
    assert [file.path for file in found.files] == sorted(NAMES)
    assert all(file.size == 1 for file in found.files)
    assert found.refused == ()


def test_a_link_to_a_folder_above_ends_there(tmp_path: Path) -> None:
    fill(tmp_path, ["a/song.mp3"])
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["a/song.mp3", "linked/song.mp3"]
    assert {item.path for item in found.refused} == {"a/again", "linked/again"}
    assert not any(item.broken for item in found.refused)


def test_links_to_nothing_and_folders_called_like_songs_are_told(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nowhere.mp3")
    fill(tmp_path, ["album.mp3/song.flac"])
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["album.mp3/song.flac"]
    assert [(item.path, item.broken) for item in found.refused] == [("gone.mp3", True)]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.mp3")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system holds no such names")
    found = scan(tmp_path)
    assert found.files == ()
    assert "Unicode" in found.refused[0].reason


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    fill(tmp_path, ["closed/song.mp3", "open.mp3"])
    (tmp_path / "closed").chmod(0)
    try:
        found = scan(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [item.path for item in found.refused] == ["closed"]


def test_there_is_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        scan(tmp_path / "nowhere")


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    fill(tmp_path, ["song.mp3"])
    for name in ("round", "round.mp3"):
        (tmp_path / name).symlink_to(name)
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["song.mp3"]
    assert [(item.path, item.broken) for item in found.refused] == [
        ("round", False), ("round.mp3", True)
    ]  # fmt: skip
