"""Tests of what a dataset has already, when it is built again or tracks are added."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.errors import DatasetError
from muze.data.store import read_dataset, write_dataset
from muze.pipelines import build_dataset as building
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.build_dataset import build_dataset
from muze.pipelines.built import Built
from muze.pipelines.listening import BuildSettings, open_listener
from muze.report import SilentReport

QUICK = BuildSettings(streams=("loudness", "energy"), segments=False)


def tone(path: Path, hertz: float = 440.0, seconds: float = 1.0, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16000)) / 16000)
    soundfile.write(path, np.stack([wave] * channels, axis=1), 16000)
    return path


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tracks be heard here: what is tested is not the engine."""

    def annotate(tasks: list[Task], settings: BuildSettings) -> Generator[Outcome, None, None]:
        listener = open_listener(settings)
        yield from (listener.annotate(task) for task in tasks)

    monkeypatch.setattr(building, "_annotate", annotate)


def build(folder: Path, output: Path, **options: Any) -> Built:
    settings = options.pop("settings", QUICK)
    return build_dataset(folder, output, settings, SilentReport(), **options)


def tracks(output: Path) -> tuple[dict[str, Any], ...]:
    return read_dataset(output).tracks


def paths(output: Path) -> list[str]:
    return [track["audio_path"] for track in tracks(output)]


@pytest.mark.usefixtures("in_this_process")
def test_what_was_corrected_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    output = tmp_path / "set.json"
    build(tmp_path / "music", output)
    content = json.loads(output.read_text())
    content["tracks"][0]["artist"] = "Somebody"
    output.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="--force"):
        build(tmp_path / "music", output)
    tone(tmp_path / "music" / "b.wav", 330)
    added = build(tmp_path / "music", output, add=True)
    assert [track.get("artist") for track in tracks(output)] == ["Somebody", None]
    assert added.heard == 1
    build(tmp_path / "music", output, force=True)
    assert tracks(output)[0]["artist"] is None


@pytest.mark.usefixtures("in_this_process")
def test_what_was_corrected_by_hand_stays_so_after_tracks_were_added(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    output = tmp_path / "set.json"
    build(tmp_path / "music", output)
    content = json.loads(output.read_text())
    content["tracks"][0]["artist"] = "Somebody"
    output.write_text(json.dumps(content))
    build(tmp_path / "music", output, add=True)
    with pytest.raises(DatasetError, match="--force"):
        build(tmp_path / "music", output)


@pytest.mark.usefixtures("in_this_process")
def test_records_that_were_not_built_here_stay_when_tracks_are_added(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    tone(tmp_path / "music" / "b.wav", 330)
    known = {"audio_path": "music/a.wav", "duration": 1.0, "artist": "Ann"}
    (tmp_path / "set.json").write_text(json.dumps({"muze_dataset": 1, "tracks": [known]}))
    build(tmp_path / "music", tmp_path / "set.json", add=True)
    assert tracks(tmp_path / "set.json")[0] == known
    assert paths(tmp_path / "set.json") == ["music/a.wav", "music/b.wav"]


@pytest.mark.usefixtures("in_this_process")
def test_a_copy_of_a_track_that_is_there_is_not_added(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    build(tmp_path / "music", tmp_path / "set.json")
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / "music" / "a.wav", tmp_path / "more" / "copy.wav")
    added = build(tmp_path / "more", tmp_path / "set.json", add=True)
    assert paths(tmp_path / "set.json") == ["music/a.wav"]
    assert [item.reason for item in added.refused] == ["is the same file as music/a.wav"]
    tone(tmp_path / "music" / "a.wav", 999)  # what the copy holds is nowhere else now
    build(tmp_path, tmp_path / "set.json", add=True)
    assert sorted(paths(tmp_path / "set.json")) == ["more/copy.wav", "music/a.wav"]


@pytest.mark.usefixtures("in_this_process")
def test_a_record_follows_its_file_where_that_was_renamed(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    for index in range(3):
        tone(music / f"{index}.wav", 200 + 100 * index)
    build(music, output)
    corrected = [{**track, "artist": "Somebody"} for track in tracks(output)]
    write_dataset(output, corrected)
    (music / "1.wav").rename(music / "renamed.wav")
    (music / "2.wav").rename(music / "1.wav")  # another sound under the old name
    added = build(music, output, add=True)
    assert (added.tracks, added.heard) == (3, 0)
    assert tracks(output) == (
        corrected[0],
        {**corrected[1], "audio_path": "music/renamed.wav"},
        {**corrected[2], "audio_path": "music/1.wav"},
    )
    assert added.notes == [
        "music/1.wav is music/renamed.wav now; its record is kept",
        "music/2.wav is music/1.wav now; its record is kept",
    ]
    assert build(music, output, add=True).notes == []


@pytest.mark.usefixtures("in_this_process")
def test_a_record_whose_file_is_gone_gives_way_to_that_of_the_same_sound(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    tone(music / "new.wav")
    build(music, output)
    (known,) = tracks(output)
    hidden = {**known, "audio_path": "music/old.wav"}
    unknown = {"audio_path": "music/lost.wav", "duration": 1.0}
    write_dataset(output, [hidden, known, unknown])
    added = build(music, output, add=True)
    assert tracks(output) == (known, unknown)
    assert added.notes == [
        "music/old.wav is gone and music/new.wav is the same sound; one record stays"
    ]


@pytest.mark.usefixtures("in_this_process")
def test_tracks_that_lie_elsewhere_are_not_dropped(tmp_path: Path) -> None:
    output = tmp_path / "set.parquet"
    tone(tmp_path / "one" / "a.wav")
    tone(tmp_path / "two" / "b.wav", 330)
    build(tmp_path / "one", output)
    with pytest.raises(DatasetError, match=r"1 tracks .* not under .*two.* one/a\.wav;.*--force"):
        build(tmp_path / "two", output)
    build(tmp_path / "two", output, add=True)
    with pytest.raises(DatasetError, match="--force"):
        build(tmp_path / "one", output)
    assert paths(output) == ["one/a.wav", "two/b.wav"]
    assert build(tmp_path, output).tracks == 2  # a folder that holds both
    (tmp_path / "one" / "a.wav").unlink()
    assert build(tmp_path / "two", output).tracks == 1
    tone(tmp_path / "one" / "a.wav")
    assert build(tmp_path / "one", output, force=True).tracks == 1
    assert paths(output) == ["one/a.wav"]


@pytest.mark.usefixtures("in_this_process")
def test_the_same_folder_by_another_way_takes_its_own_tracks_place(tmp_path: Path) -> None:
    tone(tmp_path / "far" / "music" / "a.wav")
    (tmp_path / "music").symlink_to(tmp_path / "far" / "music")
    build(tmp_path / "music", tmp_path / "set.json")
    build(tmp_path / "far" / "music", tmp_path / "set.json")
    assert paths(tmp_path / "set.json") == ["far/music/a.wav"]
