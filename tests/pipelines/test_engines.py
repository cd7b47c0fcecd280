"""Tests of the engines that hear tracks."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.errors import MuzeError
from muze.core.files import sha256
from muze.pipelines import local_engine, ray_engine
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


def test_every_task_has_one_outcome(tmp_path: Path) -> None:
    found = by_path(annotate_locally(tasks(tmp_path, 5, "c"), settings(batch_size=3, workers=1)))
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


HELD = """
import threading
from pathlib import Path
from muze.pipelines.annotation import Outcome

def work(tasks):
    for task in tasks:
        task.cache.parent.mkdir(parents=True, exist_ok=True)
        task.cache.write_text("begun")
        if task.audio_path != "0.wav":
            threading.Event().wait(30)
            task.cache.write_text("done")
    return [Outcome(task.audio_path, {"duration": 1.0}) for task in tasks]
"""
BUILD = """
import sys
from pathlib import Path
import muze_held
from muze.pipelines import build_dataset, local_engine
from muze.pipelines.listening import BuildSettings
from muze.report import SilentReport
if __name__ == "__main__":
    local_engine._work = muze_held.work
    settings = BuildSettings(streams=("loudness",), segments=False, workers=2)
    folder = Path(sys.argv[1])
    build_dataset.build_dataset(folder, folder / "set.json", settings, SilentReport())
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_told_to_stop_it_ends_without_waiting_for_tracks_at_work(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The signal goes to the parent alone; its processes end with it, and finish nothing more."""
    tasks(tmp_path, 3, "c")
    (tmp_path / "muze_held.py").write_text(HELD)
    (tmp_path / "build.py").write_text(BUILD)
    running = subprocess.Popen(
        [sys.executable, tmp_path / "build.py", tmp_path], stderr=subprocess.PIPE, text=True
    )
    begun: set[Path] = set()
    while len(begun) < 3 and running.poll() is None:
        begun = {*tmp_path.glob("set.cache/heard/*/*.json")}
    pids = children(running.pid)
    running.send_signal(number)
    _, told = running.communicate(timeout=60)
    assert told.splitlines()[-1] == "KeyboardInterrupt"
    assert "resource_tracker" not in told
    until = time.monotonic() + 20  # those without a parent end by themselves
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        pass
    assert len(pids) >= 2
    assert not any(alive(pid) for pid in pids)
    assert {path.read_text() for path in begun} == {"begun"}


def children(process: int) -> list[int]:
    """Return a process's children (Linux)."""
    told = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in told]


def alive(process: int) -> bool:
    """Return whether a process still runs (Linux); one that nobody has waited for does not."""
    return Path(f"/proc/{process}/exe").exists()


def test_closed_before_its_end_it_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "muze_held.py").write_text(HELD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local_engine, "_work", import_module("muze_held").work)
    asked = tasks(tmp_path, 3, "c")
    outcomes = annotate_locally(asked, settings())
    assert next(outcomes).audio_path == "0.wav"
    outcomes.close()
    assert not multiprocessing.active_children()
    assert not any(task.cache.exists() and task.cache.read_text() == "done" for task in asked)


def test_a_ctrl_c_while_processes_start_is_not_lost() -> None:
    def twice() -> None:
        with local_engine._no_interrupts():
            signal.raise_signal(signal.SIGINT)
            begun.append(True)

    begun: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        twice()
    assert begun == [True]


def test_sigterm_ends_it_as_ctrl_c_does_and_is_answered_as_before_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), local_engine._interrupted_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


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


@pytest.mark.slow
def test_ray_tells_of_a_track_before_the_next_is_done_and_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    told = tmp_path / "told"

    class Worker:  # inside, or Ray's processes would look for this module
        """Is done with a track once it was told of the one before, or a minute has passed."""

        def __init__(self, settings: str) -> None:
            pass

        def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
            (path,) = (json.loads(row)["audio_path"] for row in rows["task"])
            until = time.monotonic() + 60
            while path != "0.wav" and not told.exists() and time.monotonic() < until:
                time.sleep(0.1)
            return {"outcome": [json.dumps(Outcome(path, {"knew": told.exists()}).to_json())]}

    monkeypatch.setattr(ray_engine, "_Worker", Worker)
    found = []
    for outcome in annotate_on_ray(tasks(tmp_path, 3, "ray"), settings(workers=1)):
        told.touch()
        found.append(outcome)
    assert [outcome.record for outcome in found] == [
        {"knew": False}, {"knew": True}, {"knew": True}
    ]  # fmt: skip
    assert capfd.readouterr() == ("", "")


def test_a_cluster_s_address_is_tried_before_ray_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        for address in (f"{host}:{port}", f"ray://{host}:{port}", "auto", "local", ""):
            ray_engine._check_reachable(address)
    with pytest.raises(MuzeError, match=f"no Ray is at {host}:{port}, as RAY_ADDRESS says"):
        ray_engine._check_reachable(f"{host}:{port}")
