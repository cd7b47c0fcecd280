"""TensorBoard's log is read again; W&B's is that of a real run kept offline, or of a stand-in."""

import json
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
from accelerate import PartialState

from muze.core.errors import MuzeError
from muze.pipelines import training
from muze.pipelines.trackers import Trackers
from muze.pipelines.training import LoopSettings
from muze.report import SilentReport

tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


@pytest.fixture(autouse=True)
def process():
    """A training's process, as accelerate knows it."""
    PartialState(cpu=True)


@pytest.fixture
def settings(tmp_path):
    def settings(*track):
        return LoopSettings(dataset=tmp_path / "a.json", run=tmp_path / "mine", track=track)

    return settings


def read(run):
    log = tensorboard.EventAccumulator(str(run / "tensorboard"))
    log.Reload()
    return log


def test_nothing_is_written_unless_said(settings, tmp_path):
    trackers = Trackers(settings(), "diffusion", "abc", 0, SilentReport())
    trackers.log(10, {"train/loss": 0.5})
    trackers.close()
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_has_every_figure_and_the_settings(settings):
    trackers = Trackers(settings("tensorboard"), "diffusion", "abc", 0, SilentReport())
    trackers.log(10, {"train/loss": 0.5, "preview/chord/chord majmin": 0.25})
    trackers.log(20, {"train/loss": 0.25})
    trackers.close()
    log = read(settings().run)
    points = [(event.step, event.value) for event in log.Scalars("train/loss")]
    assert points == [(10, 0.5), (20, 0.25)]
    assert [e.value for e in log.Scalars("preview/chord/chord_majmin")] == [0.25]
    (told,) = log.Tensors("settings/text_summary")
    assert '"batch_size": 16' in told.tensor_proto.string_val[0].decode()


def test_a_resumed_run_goes_on_in_the_same_log_and_takes_back_what_was_lost(settings):
    first = Trackers(settings("tensorboard"), "diffusion", "abc", 0, SilentReport())
    for step in (10, 20, 30):
        first.log(step, {"train/loss": step / 100})
    first.close()  # killed at 30, with a checkpoint of 20
    second = Trackers(settings("tensorboard"), "diffusion", "abc", 20, SilentReport())
    for step in (30, 40):
        second.log(step, {"train/loss": step / 10})
    second.close()
    points = [(event.step, event.value) for event in read(settings().run).Scalars("train/loss")]
    assert [step for step, _ in points] == [10, 20, 30, 40]
    assert [value for _, value in points] == pytest.approx([0.1, 0.2, 3, 4])
    assert len(read(settings().run).Tensors("settings/text_summary")) == 1


def test_a_tracker_that_is_not_installed_is_told_before_anything_begins(settings, monkeypatch):
    def none(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(training, "version", none)
    with pytest.raises(ValueError, match=r"wandb is not installed; pip install 'muze\[wandb\]'"):
        settings("wandb")


class Run:
    url = "https://example.org/muze/abc"
    offline = False

    def __init__(self):
        self.logged, self.metrics, self.finished = [], [], False

    def log(self, values, step=None):
        assert step is None
        self.logged.append(values)

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def finish(self):
        self.finished = True


class Failed(Exception):
    pass


@pytest.fixture
def wandb(monkeypatch):
    """A stand-in with the part of W&B that is used, and what it was opened with."""
    there = SimpleNamespace(opened=[], run=Run(), fault=None)

    def init(**given):
        if there.fault:
            raise there.fault
        there.opened.append(given)
        return there.run

    module = SimpleNamespace(
        init=init, Settings=lambda **s: s, errors=SimpleNamespace(Error=Failed), there=there,
        __spec__=SimpleNamespace(),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setattr(training, "version", lambda _: "1")
    return there


class Notes(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_wandb_goes_on_under_the_run_s_identity_by_our_own_steps(settings, wandb):
    report = Notes()
    for step in (0, 20):
        trackers = Trackers(settings("wandb"), "diffusion", "abc", step, report)
        trackers.log(step + 10, {"train/loss": 0.5})
        trackers.close()
    assert [one["id"] for one in wandb.opened] == ["abc", "abc"]
    (first, _) = wandb.opened
    assert (first["project"], first["name"], first["resume"]) == ("muze", "mine", "allow")
    assert first["config"]["batch_size"] == 16
    assert first["settings"] == {"console": "off", "silent": True}
    assert wandb.run.logged == [
        {"step": 10, "train/loss": 0.5}, {"step": 30, "train/loss": 0.5},
    ]  # fmt: skip
    assert wandb.run.metrics[0] == ("*", "step")
    assert wandb.run.finished
    assert report.notes == ["wandb: https://example.org/muze/abc"] * 2


def test_a_key_is_never_told(settings, wandb, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "abracadabra")
    wandb.fault = Failed("401: the key abracadabra is not known\nmore of it")
    with pytest.raises(MuzeError) as told:
        Trackers(settings("wandb"), "diffusion", "abc", 0, SilentReport())
    assert str(told.value) == (
        "track: wandb cannot be reached: 401: the key *** is not known "
        "(WANDB_MODE=offline keeps its log here)"
    )
    assert told.value.__cause__ is None
    wandb.fault = None
    Trackers(settings("wandb"), "diffusion", "abc", 0, SilentReport()).close()
    assert "abracadabra" not in json.dumps(wandb.opened)


@pytest.mark.slow
def test_a_real_wandb_run_is_kept_offline(settings, monkeypatch):
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    trackers = Trackers(settings("wandb"), "diffusion", "abc", 0, SilentReport())
    trackers.log(10, {"train/loss": 0.5})
    trackers.close()
    wandb.teardown()  # its own process ends, and has written
    (file,) = (settings().run / "wandb").glob("offline-run-*-abc/run-abc.wandb")
    data = file.read_bytes()
    assert b"train/loss" in data
    assert b"batch_size" in data
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr(wandb.sdk.lib.wbauth, "read_netrc_auth", lambda **_: None)
    with pytest.raises(MuzeError, match=r"track: wandb cannot be reached: No API key configured"):
        Trackers(settings("wandb"), "diffusion", "abc", 0, SilentReport())
