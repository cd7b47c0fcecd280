"""Tests of the engines that hear tracks."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile

from muze.core.errors import MuzeError
from muze.core.files import sha256
from muze.pipelines import local_engine
from muze.pipelines.annotation import Outcome, Task
from muze.pipelines.listening import BuildSettings
from muze.pipelines.local_engine import annotate_locally
from muze.pipelines.ray_engine import annotate_on_ray

Engine = Callable[[Sequence[Task], BuildSettings], Iterator[Outcome]]


def tasks(folder: Path, count: int, cache: str) -> list[Task]:
    found = []
    for index in range(count):
        path = folder / f"{index}.wav"
        wave = 0.4 * np.sin(2 * np.pi * (200 + 40 * index) * np.arange(32000) / 16000)
        soundfile.write(path, wave, 16000)
        kept = folder / cache / f"{index}.json"
        found.append(Task(path, path.name, sha256(path), {"artist": "Ann"}, {}, kept))
    return found


def settings(**options: int) -> BuildSettings:
    told = {"streams": ("loudness", "energy"), "segments": False, "workers": 2, **options}
    return BuildSettings.model_validate(told)


def by_path(outcomes: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.audio_path: outcome for outcome in outcomes}


@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_task_has_one_outcome(tmp_path: Path, batch_size: int) -> None:
    found = by_path(annotate_locally(tasks(tmp_path, 5, "c"), settings(batch_size=batch_size)))
    assert sorted(found) == [f"{index}.wav" for index in range(5)]
    for outcome in found.values():
        assert outcome.record is not None
        assert outcome.record["artist"] == "Ann"


KILLER = """
import os
from muze.pipelines.annotation import Outcome

def work(tasks):
    if any(task.audio_path == "2.wav" for task in tasks):
        os._exit(9)  # as a decoder may
    return [Outcome(task.audio_path, {"duration": 1.0}) for task in tasks]
"""


def test_a_file_that_kills_its_listener_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "muze_killer.py").write_text(KILLER)  # where a process of its own finds it
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local_engine, "_work", import_module("muze_killer").work)
    found = by_path(annotate_locally(tasks(tmp_path, 6, "c"), settings()))
    assert len(found) == 6
    lost = {path: outcome.reason for path, outcome in found.items() if outcome.record is None}
    assert list(lost) == ["2.wav"]
    assert "crashed" in lost["2.wav"]


PIDS = """
import os
from muze.pipelines.annotation import Outcome

def work(tasks):
    return [Outcome(task.audio_path, {"pid": os.getpid()}) for task in tasks]
"""


def test_a_process_that_dies_between_two_tracks_costs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "muze_pids.py").write_text(PIDS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local_engine, "_work", import_module("muze_pids").work)
    outcomes = annotate_locally(tasks(tmp_path, 3, "c"), settings(workers=1))
    first = next(outcomes)
    assert first.record is not None
    os.kill(first.record["pid"], signal.SIGKILL)
    for process in multiprocessing.active_children():
        process.join()
    assert len([first, *outcomes]) == 3


def test_a_device_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    wrong = settings(workers=1).model_copy(update={"device": "tpu"})
    with pytest.raises(MuzeError, match="tpu"):
        [*annotate_locally(tasks(tmp_path, 1, "c"), wrong)]


@pytest.mark.slow
def test_ray_gives_the_records_that_local_gives(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    local = by_path(annotate_locally(tasks(tmp_path, 4, "local"), settings()))
    on_ray = by_path(annotate_on_ray(tasks(tmp_path, 4, "ray"), settings(batch_size=2)))
    assert {path: found.record for path, found in local.items()} == {
        path: found.record for path, found in on_ray.items()
    }
