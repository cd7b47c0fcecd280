"""What a training tells as it goes, and what its state keeps of it."""

import json

import pytest
import torch
from torch import nn

from muze.core.errors import MuzeError
from muze.pipelines.loop import Loop
from muze.pipelines.out_of_memory import OutOfMemory
from muze.pipelines.run_log import RunLog
from muze.pipelines.training import LoopSettings, draws, rate_at
from muze.report import SilentReport


class Told(SilentReport):
    """Keeps what is told, and interrupts after some steps."""

    def __init__(self, stop=None):
        self.stop, self.notes, self.beside = stop, [], []

    def task(self, description, total):
        def advance(steps=1, note=""):
            if note:
                self.beside.append(note)
            if len(self.beside) == self.stop:
                raise KeyboardInterrupt

        return advance

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "dataset.json").write_text("three songs")

    def settings(run="run", **changes):
        given = {"dataset": tmp_path / "dataset.json", "run": tmp_path / run, "steps": 40,
                 "warmup": 2, "learning_rate": 0.1, "save_every": 10, "ema": 0.5,
                 "device": "cpu"}  # fmt: skip
        return LoopSettings.model_validate({**given, **changes})

    return settings


def train(settings, report=None, preview=None, held_out=None, losses=None):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
    loop = Loop(model, settings, report or SilentReport())

    def draw(step, rows):
        _, generator = draws(settings.seed, step)
        return torch.randn(settings.batch_size, 3, generator=generator)[rows]

    def squared(model, x):
        return {"loss": (model(x)[:, 0] - x.sum(dim=1)).square().mean()}

    loop.run(draw, losses or squared, "a line", preview=preview, held_out=held_out)
    return loop


def about(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())


def test_loss_speed_and_validation_are_told_beside_every_step(settings):
    report = Told()
    told = settings(validation=0.5, validate_every=20)
    loop = train(told, report, held_out=lambda rows: torch.ones(64, 3)[rows])
    assert len(report.beside) == 40
    assert report.beside[0].startswith(f"loss {loop.log.losses[0]['loss']:.4g}, ")
    assert "it/s" in report.beside[0]
    assert "validated" not in report.beside[0]
    first, last = (row["loss"] for row in loop.log.validated)
    assert f"validated {first:.4g}, best {first:.4g}" in report.beside[19]
    told = f"validated {last:.4g}, best {min(first, last):.4g}"
    assert report.beside[-1].endswith(told)


def test_validations_and_checkpoints_are_told_as_they_come(settings):
    report, losses = Told(), iter((0.5, 0.25, 0.75, 0.2))

    def of(model, x):
        found = (model(x)[:, 0] - x.sum(dim=1)).square().mean()
        return {"loss": found if model.training else torch.tensor(next(losses))}

    told = settings(validation=0.5, validation_crops=16)
    train(told, report, held_out=lambda rows: torch.ones(16, 3)[rows], losses=of)
    assert [note for note in report.notes if "validated at" in note] == [
        "a line: validated at step 10: 0.5, the best so far",
        "a line: validated at step 20: 0.25, the best so far",
        "a line: validated at step 30: 0.75, best 0.25 at step 20",
        "a line: validated at step 40: 0.2, the best so far",
    ]
    saved = [note for note in report.notes if "saved" in note]
    assert [note.split(",")[0] for note in saved] == [
        f"a line: step {step} saved" for step in (10, 20, 30, 40)
    ]
    assert saved[0].endswith(" left")
    assert not saved[-1].endswith(" left")


def test_the_state_keeps_gradients_and_times_of_every_step(settings):
    told = settings(clip=0.01)
    loop = train(told)
    kept = about(told)
    assert len(kept["norms"]) == len(kept["step_seconds"]) == 40
    assert kept["norms"][0] > 0.01  # before it was clipped
    assert all(seconds > 0 for seconds in kept["step_seconds"])
    assert sum(kept["step_seconds"]) == pytest.approx(kept["seconds"], abs=0.01)
    assert kept["weights"] == {"all": 4, "trained": 4}
    assert kept["name"] == "a line"
    (session,) = kept["sessions"]
    assert (session["step"], session["processes"]) == (0, 1)
    assert session["torch"] == torch.__version__
    assert RunLog.of(kept).to_json() == loop.log.to_json()


def test_a_resumed_run_goes_on_in_the_same_log(settings):
    whole, cut = settings("whole"), settings("cut")
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(cut, Told(stop=25))
    began = about(cut)
    assert began["step"] == 20
    train(settings("cut", resume=True))
    kept = about(cut)
    assert kept["norms"] == about(whole)["norms"]
    assert kept["step_seconds"][:20] == began["step_seconds"]
    assert kept["identity"] == began["identity"] != about(whole)["identity"]
    assert [session["step"] for session in kept["sessions"]] == [0, 20]


def test_a_state_of_an_older_muze_knows_no_gradients_and_no_times():
    log = RunLog.of({"step": 2, "losses": [{"loss": 2.0}, {"loss": 4.0}], "seconds": 3})
    assert (log.norms, log.step_seconds, log.rate) == ([None, None], [None, None], None)
    assert (log.loss, log.seconds, log.best) == (3.0, 3.0, None)
    log.add({"loss": 6.0}, float("inf"), 0.5)
    assert (log.norms[-1], log.rate, log.in_words()) == (None, 2.0, "loss 4, 2 it/s")


def test_the_page_is_there_from_the_first_checkpoint_or_preview_on(settings):
    told, seen = settings(preview_every=5), []

    def preview(averaged, step):
        seen.append("step 40" if step == 40 else (told.run / "report.html").exists())

    train(told, preview=preview)
    assert seen[:3] == [False, True, True]
    assert "run: a line, step 40 of 40" in (told.run / "report.html").read_text()


def test_a_disk_that_takes_no_page_stops_no_training(settings, monkeypatch):
    def full(run, about):
        raise OSError(28, "No space left on device", str(run / "report.html"))

    monkeypatch.setattr("muze.pipelines.run_report.write_report", full)
    report = Told()
    assert train(settings(), report).step == 40
    assert any("a line: no report: " in note and "No space" in note for note in report.notes)


def test_trackers_are_told_means_of_ten_steps_validations_and_previews(settings):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    told = settings(track=["tensorboard"], validation=0.5, preview_every=20)

    def preview(averaged, step):
        path = told.run / "previews" / f"step-{step:06d}.json"
        path.parent.mkdir(exist_ok=True)
        row = {"stream": "chord", "name": "majmin", "value": step / 100, "unit": "share",
               "higher_is_better": True, "floor": None}  # fmt: skip
        path.write_text(json.dumps({"step": step, "scores": [row]}))

    held = torch.ones(64, 3)
    with pytest.raises(KeyboardInterrupt):
        train(told, Told(stop=25), preview, lambda rows: held[rows])
    resumed = settings(track=["tensorboard"], validation=0.5, preview_every=20, resume=True)
    loop = train(resumed, None, preview, lambda rows: held[rows])
    log = events.EventAccumulator(str(told.run / "tensorboard"))
    log.Reload()
    points = {event.step: event.value for event in log.Scalars("train/loss")}
    assert [*points] == [10, 20, 30, 40]
    recent = [row["loss"] for row in loop.log.losses[20:30]]
    assert points[30] == pytest.approx(sum(recent) / 10)
    rates = {event.step: event.value for event in log.Scalars("train/learning_rate")}
    assert rates[30] == pytest.approx(rate_at(29, told))
    validated = {event.step: event.value for event in log.Scalars("validation/loss")}
    assert validated == pytest.approx({row["step"]: row["loss"] for row in loop.log.validated})
    shown = {event.step: event.value for event in log.Scalars("preview/chord/majmin")}
    assert shown == pytest.approx({20: 0.2, 40: 0.4})


def test_a_step_without_memory_is_told_with_its_number_and_saves_nothing_more(settings):
    told = settings()

    def of(model, x):
        if about_to_fail():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return {"loss": model(x).square().mean()}

    calls = []

    def about_to_fail():
        calls.append(None)
        return len(calls) == 13

    with pytest.raises(OutOfMemory, match=r"a line, step 12: out of memory on cpu \(.*21.5 GB"):
        train(told, losses=of)
    assert about(told)["step"] == 10


def test_a_preview_without_memory_stops_no_training(settings):
    def preview(averaged, step):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    report = Told()
    assert train(settings(preview_every=20), report, preview).step == 40
    assert sum("no preview of step" in note and "21.5 GB" in note for note in report.notes) == 2


def test_a_tracker_that_cannot_be_reached_is_told_before_the_first_step(settings, monkeypatch):
    def unreachable(self, step):
        raise MuzeError("track: it cannot be reached")

    monkeypatch.setattr("muze.pipelines.trackers.Trackers._tensorboard", unreachable)
    with pytest.raises(MuzeError, match="cannot be reached"):
        train(settings(track=["tensorboard"]))
    assert not (settings().run / "state").exists()
