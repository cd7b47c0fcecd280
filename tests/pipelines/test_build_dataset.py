"""Tests of a folder of music becoming a dataset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.errors import DatasetError, MuzeError, PluginError
from muze.data.store import read_dataset
from muze.pipelines import build_dataset as building
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.build_dataset import build_dataset
from muze.pipelines.built import Built
from muze.pipelines.forecast import forecast
from muze.pipelines.listening import BuildSettings, open_listener, read_setting
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
def test_a_folder_becomes_a_dataset_with_paths_relative_to_it(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "日本" / 'b "x".wav', 330)
    tone(tmp_path / "music" / "a.flac", channels=3)
    built = build(tmp_path / "music", tmp_path / "data" / "set.parquet")
    dataset = read_dataset(tmp_path / "data" / "set.parquet")
    assert paths(dataset.path) == ["../music/a.flac", '../music/日本/b "x".wav']
    assert all(dataset.audio(track).is_file() for track in dataset.tracks)
    assert (built.tracks, built.heard) == (2, 2)
    assert built.broken == []


@pytest.mark.usefixtures("in_this_process")
def test_only_what_is_new_or_changed_is_heard(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    for index in range(3):
        tone(music / f"{index}.wav", 200 + 100 * index)
    build(music, output)
    first = tracks(output)
    assert build(music, output).heard == 0
    assert tracks(output) == first
    tone(music / "1.wav", 999)
    tone(music / "3.wav", 777)
    assert build(music, output).heard == 2
    (music / "0.wav").unlink()
    assert build(music, output).notes == [f"{output}: had 4 tracks, has 3 now"]
    assert paths(output) == ["music/1.wav", "music/2.wav", "music/3.wav"]


@pytest.mark.usefixtures("in_this_process")
def test_records_that_are_as_they_were_are_not_written_again(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.parquet"
    tone(music / "a.wav")
    build(music, output)
    before = output.stat().st_ino
    speed = json.loads((tmp_path / "set.report.json").read_text())["seconds_per_second"]
    build(music, output)
    assert output.stat().st_ino == before
    assert json.loads((tmp_path / "set.report.json").read_text())["seconds_per_second"] == speed
    tone(music / "b.wav", 330)
    build(music, output)
    assert len(read_dataset(output).tracks) == 2


@pytest.mark.usefixtures("in_this_process")
def test_a_dataset_that_shrinks_is_told(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    for index in range(3):
        tone(music / f"{index}.wav", 200 + 100 * index)
    build(music, output)
    assert build(music, output, max_tracks=1).notes == [f"{output}: had 3 tracks, has 1 now"]


@pytest.mark.usefixtures("in_this_process")
def test_the_same_file_again_is_left_out_and_told(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    shutil.copy(tmp_path / "music" / "a.wav", tmp_path / "music" / "copy of a.wav")
    built = build(tmp_path / "music", tmp_path / "set.json")
    assert built.tracks == 1
    (left_out,) = built.refused
    assert left_out.reason == "is the same file as music/a.wav"
    assert built.broken == []


@pytest.mark.usefixtures("in_this_process")
def test_every_good_file_is_built_and_every_broken_one_has_its_reason(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for index in range(6):
        tone(music / f"good {index}.wav", 200 + 50 * index)
    (music / "text.mp3").write_text("no sound " * 500)
    (music / "empty.flac").write_bytes(b"")
    cut = tone(music / "cut.flac", seconds=4.0)
    cut.write_bytes(cut.read_bytes()[:4000])
    (music / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    built = build(music, tmp_path / "set.json")
    assert built.tracks == 6
    reasons = {Path(item.path).name: item.reason for item in built.broken}
    assert set(reasons) == {"text.mp3", "empty.flac", "cut.flac", "gone.wav"}
    assert all(reasons.values())
    told = json.loads((tmp_path / "set.report.json").read_text())
    assert {Path(item["path"]).name for item in told["broken"]} == set(reasons)


@pytest.mark.usefixtures("in_this_process")
def test_a_table_tells_what_is_known(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    (tmp_path / "known.csv").write_text("file,artist,tempo\na.wav,Ann,123\n")
    settings = QUICK.model_copy(update={"streams": ("loudness", "tempo")})
    options = {"settings": settings, "metadata": tmp_path / "known.csv"}
    build(tmp_path / "music", tmp_path / "set.json", **options)
    (track,) = tracks(tmp_path / "set.json")
    assert (track["artist"], track["tempo"]) == ("Ann", 123.0)
    assert track["provenance"]["artist"]["backend"] == "known.csv"


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("linked", ["data", "music"])
def test_paths_lead_to_the_sound_through_links(tmp_path: Path, linked: str) -> None:
    (tmp_path / "far" / "away" / linked).mkdir(parents=True)
    (tmp_path / linked).symlink_to(tmp_path / "far" / "away" / linked)
    tone(tmp_path / "music" / "a.wav")
    build(tmp_path / "music", tmp_path / "data" / "set.json")
    dataset = read_dataset(tmp_path / "data" / "set.json")
    assert dataset.audio(dataset.tracks[0]).samefile(tmp_path / "music" / "a.wav")


@pytest.mark.usefixtures("in_this_process")
def test_paths_of_what_is_refused_lead_from_the_dataset(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    (tmp_path / "music" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (tmp_path / "music" / "text.mp3").write_text("no sound " * 500)
    built = build(tmp_path / "music", tmp_path / "data" / "set.json")
    assert [item.path for item in built.broken] == ["../music/gone.wav", "../music/text.mp3"]


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("linked", [False, True])
def test_where_nothing_can_be_heard_the_report_tells_why(tmp_path: Path, linked: bool) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    music.mkdir()
    (music / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    if not linked:
        (music / "text.mp3").write_text("no sound " * 500)
    built = build(music, output)
    assert built.tracks == 0
    assert not output.exists()
    told = json.loads((tmp_path / "set.report.json").read_text())
    assert [item["path"] for item in told["broken"]] == [
        "music/gone.wav", *([] if linked else ["music/text.mp3"])
    ]  # fmt: skip
    tone(music / "good.wav")
    assert build(music, output).tracks == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_dataset_stays_where_nothing_can_be_heard_any_more(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    tone(music / "a.wav")
    build(music, output)
    before = output.read_bytes()
    (music / "a.wav").write_bytes(b"")
    built = build(music, output)
    assert (built.tracks, built.notes) == (0, [f"{output}: is left as it was"])
    assert output.read_bytes() == before
    tone(music / "a.wav", 330)  # a build knows the dataset as its own still
    assert build(music, output).tracks == 1


def test_a_folder_of_nothing_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no sound files, which end in \.aac"):
        forecast(tmp_path, None, 1, SilentReport())
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert len(forecast(tmp_path, None, 1, SilentReport()).refused) == 1


def test_all_that_is_wrong_with_settings_is_told_with_the_nearest_names(tmp_path: Path) -> None:
    configs = {"f0": {"extracter": "pyin", "frames": 0}}
    wrong = QUICK.model_copy(update={"streams": ("f0",), "configs": configs})
    with pytest.raises(PluginError, match=r"extracter: .*did you mean 'extractor'") as told:
        build(tmp_path, tmp_path / "set.json", settings=wrong)
    assert "frames: must be greater than or equal to 1, not 0" in str(told.value)


def test_what_cannot_be_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no sound files"):
        build(tmp_path / "empty", tmp_path / "set.json")
    with pytest.raises(DatasetError, match="no such folder"):
        build(tmp_path / "nowhere", tmp_path / "set.json")
    with pytest.raises(DatasetError, match=r"ends in \.json or \.parquet"):
        build(tmp_path / "empty", tmp_path / "set.txt")
    wrong = QUICK.model_copy(update={"streams": ("loudnes",)})
    with pytest.raises(PluginError, match="loudnes"):
        build(tmp_path / "empty", tmp_path / "set.json", settings=wrong)
    wrong = QUICK.model_copy(update={"configs": {"loudness": {"loud": 1}}})
    with pytest.raises(PluginError, match="loud"):
        build(tmp_path / "empty", tmp_path / "set.json", settings=wrong)


def test_a_setting_is_read_as_stream_key_and_value() -> None:
    assert read_setting("f0.extractor=pyin") == ("f0", "extractor", "pyin")
    assert read_setting("acme.lyrics.words=3") == ("acme.lyrics", "words", 3)
    with pytest.raises(MuzeError, match="no value"):
        read_setting("f0.extractor=[")
