"""Tests of what a build keeps on disk, from one time to the next and on its way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.files import sha256
from muze.data.store import read_dataset
from muze.pipelines import build_cache
from muze.pipelines import build_dataset as building
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.build_dataset import build_dataset
from muze.pipelines.built import Built
from muze.pipelines.forecast import forecast
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
    assert build(music, output).tracks == 2
    assert build(music, output).tracks == 2


@pytest.mark.usefixtures("in_this_process")
def test_what_was_read_and_not_heard_is_still_to_hear(tmp_path: Path) -> None:
    tone(tmp_path / "music" / "a.wav")
    output = tmp_path / "set.json"
    build(tmp_path / "music", output)
    assert forecast(tmp_path / "music", output, 1, SilentReport()).new_files == 0
    for memory in (tmp_path / "set.cache" / "heard").rglob("*.json"):
        memory.unlink()
    assert forecast(tmp_path / "music", output, 1, SilentReport()).new_files == 1


@pytest.mark.usefixtures("in_this_process")
def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    output, ended = tmp_path / "set.json", subprocess.Popen(["true"])
    ended.wait()
    tone(tmp_path / "music" / "a.wav")
    left = [
        tmp_path / "set.cache" / "heard" / "ab" / f".ab.json.{ended.pid}.part",
        tmp_path / "set.cache" / f".files.json.{os.getpid()}.part",
        tmp_path / f".set.built.json.{ended.pid}.part",
    ]
    kept = [
        tmp_path / "set.cache" / "heard" / "ab" / f".cd.json.{os.getpid()}.part",
        tmp_path / "other.cache" / f".files.json.{ended.pid}.part",
        tmp_path / f".other.built.json.{ended.pid}.part",
        tmp_path / "music" / f".b.wav.{ended.pid}.part",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    os.utime(left[1], (0, 0))  # a process has its number now, but nobody writes for years
    build(tmp_path / "music", output)
    assert sorted(tmp_path.rglob("*.part")) == sorted(kept)


class Known(dict[str, Any]):
    """A record of which it can be told whether somebody still has it."""


@pytest.mark.usefixtures("in_this_process")
def test_records_wait_on_disk_and_come_out_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they were heard; no more than a few are in memory at any time."""
    music, output = tmp_path / "music", tmp_path / "set.json"
    for index in range(40):
        tone(music / f"{index:02d}.wav", 200 + 10 * index, seconds=0.3)
    alive: list[weakref.ref[Known]] = []
    most = 0

    def backwards(tasks: list[Task], settings: BuildSettings) -> Generator[Outcome, None, None]:
        nonlocal most
        for task in reversed(tasks):
            record = Known(audio_path=task.audio_path, duration=0.3)
            alive.append(weakref.ref(record))
            yield Outcome(task.audio_path, record)
            most = max(most, sum(one() is not None for one in alive))

    monkeypatch.setattr(building, "_annotate", backwards)
    build(music, output)
    assert paths(output) == [f"music/{index:02d}.wav" for index in range(40)]
    assert most <= 2
    told = json.loads((tmp_path / "set.report.json").read_text())
    whole = json.dumps(json.loads(output.read_text())["tracks"])
    assert told["records"] == hashlib.sha256(whole.encode()).hexdigest()


@pytest.mark.usefixtures("in_this_process")
def test_what_was_hashed_before_an_interrupt_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(3):
        tone(tmp_path / "music" / f"{index}.wav", 200 + 100 * index)
    hashed: list[str] = []
    interrupted = iter([False, False, True, False])

    def hash_some(path: Path) -> str:
        if next(interrupted):
            raise KeyboardInterrupt
        hashed.append(path.name)
        return sha256(path)

    monkeypatch.setattr(build_cache, "sha256", hash_some)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "music", tmp_path / "set.json")
    build(tmp_path / "music", tmp_path / "set.json")
    assert hashed == ["0.wav", "1.wav", "2.wav"]


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
