"""Tests of a folder of music becoming a dataset."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.errors import DatasetError, MuzeError, PluginError
from muze.data.store import read_dataset
from muze.pipelines import build_dataset as building
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.build_dataset import Built, build_dataset
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

    def annotate(tasks: list[Task], settings: BuildSettings) -> list[Outcome]:
        listener = open_listener(settings)
        return [listener.annotate(task) for task in tasks]

    monkeypatch.setattr(building, "_annotate", annotate)


def build(folder: Path, output: Path, **options: Any) -> Built:
    settings = options.pop("settings", QUICK)
    return build_dataset(folder, output, settings, SilentReport(), **options)


@pytest.mark.usefixtures("in_this_process")
def test_a_folder_becomes_a_dataset_with_paths_relative_to_it(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "日本" / 'b "x".wav', 330)
    tone(tmp_path / "music" / "a.flac", channels=3)
    built = build(tmp_path / "music", tmp_path / "data" / "set.parquet")
    dataset = read_dataset(tmp_path / "data" / "set.parquet")
    paths = [track["audio_path"] for track in dataset.tracks]
    assert paths == ["../music/a.flac", '../music/日本/b "x".wav']
    assert all(dataset.audio(track).is_file() for track in dataset.tracks)
    assert built.heard == 2
    assert built.broken == []


@pytest.mark.usefixtures("in_this_process")
def test_only_what_is_new_or_changed_is_heard(tmp_path: Path) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    for index in range(3):
        tone(music / f"{index}.wav", 200 + 100 * index)
    first = build(music, output)
    again = build(music, output)
    assert again.heard == 0
    assert again.tracks == first.tracks
    tone(music / "1.wav", 999)
    tone(music / "3.wav", 777)
    assert build(music, output).heard == 2
    (music / "0.wav").unlink()
    assert [t["audio_path"] for t in build(music, output).tracks] == [
        "music/1.wav", "music/2.wav", "music/3.wav",
    ]  # fmt: skip


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
    assert len(built.tracks) == 1
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
    assert len(built.tracks) == 6
    reasons = {Path(item.path).name: item.reason for item in built.broken}
    assert set(reasons) == {"text.mp3", "empty.flac", "cut.flac", "gone.wav"}
    assert all(reasons.values())
    told = json.loads((tmp_path / "set.report.json").read_text())
    assert {Path(item["path"]).name for item in told["broken"]} == set(reasons)


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
    assert [track.get("artist") for track in added.tracks] == ["Somebody", None]
    assert added.heard == 1
    assert build(tmp_path / "music", output, force=True).tracks[0]["artist"] is None


@pytest.mark.usefixtures("in_this_process")
def test_a_table_tells_what_is_known(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    (tmp_path / "known.csv").write_text("file,artist,tempo\na.wav,Ann,123\n")
    settings = QUICK.model_copy(update={"streams": ("loudness", "tempo")})
    options = {"settings": settings, "metadata": tmp_path / "known.csv"}
    (track,) = build(tmp_path / "music", tmp_path / "set.json", **options).tracks
    assert (track["artist"], track["tempo"]) == ("Ann", 123.0)
    assert track["provenance"]["artist"]["backend"] == "known.csv"


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
    added = build(tmp_path / "music", tmp_path / "set.json", add=True)
    assert added.tracks[0] == known
    assert [track["audio_path"] for track in added.tracks] == ["music/a.wav", "music/b.wav"]


@pytest.mark.usefixtures("in_this_process")
def test_a_copy_of_a_track_that_is_there_is_not_added(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    build(tmp_path / "music", tmp_path / "set.json")
    (tmp_path / "more").mkdir()
    shutil.copy(tmp_path / "music" / "a.wav", tmp_path / "more" / "copy.wav")
    added = build(tmp_path / "more", tmp_path / "set.json", add=True)
    assert [track["audio_path"] for track in added.tracks] == ["music/a.wav"]
    assert [item.reason for item in added.refused] == ["is the same file as music/a.wav"]
    tone(tmp_path / "music" / "a.wav", 999)  # what the copy holds is nowhere else now
    tracks = build(tmp_path, tmp_path / "set.json", add=True).tracks
    assert {Path(track["audio_path"]).name for track in tracks} == {"a.wav", "copy.wav"}


@pytest.mark.usefixtures("in_this_process")
def test_killed_before_the_dataset_is_there_the_next_build_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music, output = tmp_path / "music", tmp_path / "set.json"
    tone(music / "a.wav")
    build(music, output)
    tone(music / "b.wav", 330)
    whole = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if target == output:
            raise KeyboardInterrupt
        return whole(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            build(music, output)
    assert len(build(music, output).tracks) == 2
    assert len(build(music, output).tracks) == 2


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
def test_what_was_read_and_not_heard_is_still_to_hear(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    output = tmp_path / "set.json"
    build(tmp_path / "music", output)
    assert forecast(tmp_path / "music", output, 1, SilentReport()).new_files == 0
    for memory in (tmp_path / "set.cache" / "heard").rglob("*.json"):
        memory.unlink()
    assert forecast(tmp_path / "music", output, 1, SilentReport()).new_files == 1


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


KILLED = """
import sys
from pathlib import Path
from muze.pipelines.build_dataset import build_dataset
from muze.pipelines.listening import BuildSettings
from muze.report import SilentReport
if __name__ == "__main__":
    settings = BuildSettings(streams=("loudness", "energy", "beat"), workers=2)
    build_dataset(Path(sys.argv[1]), Path(sys.argv[2]), settings, SilentReport())
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_finishes_with_the_same_records(tmp_path: Path) -> None:
    """SIGKILL at 20 random moments; none costs a finished track, none leaves anything running."""
    for index in range(12):
        tone(tmp_path / "music" / f"{index}.wav", 200 + 30 * index, seconds=4.0)
    script = tmp_path / "build.py"
    script.write_text(KILLED)
    whole, killed = tmp_path / "whole.json", tmp_path / "killed.json"

    def start(output: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(tmp_path / "music"), str(output)]
        return subprocess.Popen(command, start_new_session=True)

    began = time.monotonic()
    assert start(whole).wait(120) == 0
    lasts = time.monotonic() - began
    moments, kills, heard = random.Random(0), 0, 0
    while kills < 20:
        running = start(killed)
        try:
            running.wait(moments.uniform(0.1, lasts))
        except subprocess.TimeoutExpired:
            os.kill(running.pid, signal.SIGKILL)  # its workers must see to themselves
            running.wait()
        kills += 1
        kept = len([*(tmp_path / "killed.cache").rglob("heard/*/*.json")])
        assert kept >= heard
        heard = kept
    assert start(killed).wait(120) == 0
    assert json.loads(killed.read_text()) == json.loads(whole.read_text())
    assert not [*tmp_path.rglob("*.part")]
