import json

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from muze.core.errors import CheckpointError, MuzeError
from muze.model import checkpoint
from muze.pipelines import training
from muze.pipelines.training import Loop, LoopSettings, check_crop, draw_losses, draws, rate_at
from muze.report import SilentReport


class StopAt(SilentReport):
    """Interrupts after so many steps, as Ctrl-C or a kill would."""

    def __init__(self, steps):
        self.left = steps + 1  # the first call tells what was done before

    def task(self, description, total):
        def advance(steps=1):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        return advance


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "dataset.json").write_text("three songs")

    def settings(run="run", **changes):
        given = {"dataset": tmp_path / "dataset.json", "run": tmp_path / run, "steps": 8,
                 "warmup": 2, "learning_rate": 0.1, "save_every": 2, "ema": 0.8}  # fmt: skip
        return LoopSettings.model_validate({**given, **changes})

    return settings


def train(settings, report=None, model=None, preview=None):
    model = model or Network()
    loop = Loop(model, settings, report or SilentReport())

    def losses(step):
        _, generator = draws(settings.seed, step)
        x = torch.randn(16, 3, generator=generator)
        model.seen += 1
        loss = (model.layers(x)[:, 0] - x.sum(dim=1)).square().mean()
        return {"loss": loss, "twice": 2 * loss}

    loop.run(losses, "a line", preview)
    return loop


def state(settings):
    folder = settings.run / "state"
    tensors = load_file(folder / "state.safetensors")
    return tensors, json.loads((folder / "state.json").read_text())["losses"]


def assert_same_state(ours, theirs):
    (tensors, losses), (other, other_losses) = state(ours), state(theirs)
    assert losses == other_losses
    assert tensors.keys() == other.keys()
    assert all(torch.equal(tensors[name], other[name]) for name in tensors)


def test_the_rate_rises_stays_and_falls_to_nothing(settings):
    told = settings(steps=100, warmup=10, cooldown=0.4, learning_rate=1.0)
    rates = [rate_at(step, told) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[10:60] == [1.0] * 50
    assert rates[60:] == pytest.approx(np.arange(40, 0, -1) / 40)
    assert rate_at(0, settings(warmup=0, cooldown=0)) == 0.1


def test_a_step_s_numbers_depend_on_the_seed_and_the_step_alone():
    def first(seed, step):
        numbers, generator = draws(seed, step)
        return numbers.random(), float(torch.rand((), generator=generator))

    assert first(1, 2) == first(1, 2)
    assert len({first(1, 2), first(2, 1), first(1, 3)}) == 3


def test_training_lowers_the_loss_and_leaves_a_curve(settings, monkeypatch):
    monkeypatch.setattr(training, "draw_losses", draw_losses)
    loop = train(settings(steps=60, save_every=60))
    recent = [row["loss"] for row in loop.losses]
    assert np.mean(recent[-10:]) < 0.7 * np.mean(recent[:10])
    assert loop.step == 60
    assert (loop.settings.run / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in loop.settings.run.iterdir()) == ["loss.png", "state"]


def test_averaged_weights_are_the_moving_mean_of_the_weights(settings):
    model = Network()
    weights, mean = [], model.layers[0].weight.detach().clone()

    class Watch(SilentReport):
        def task(self, description, total):
            return lambda steps=1: weights.append(model.layers[0].weight.detach().clone())

    loop = train(settings(ema=0.5), Watch(), model)
    for step, now in enumerate(weights[1:], 1):
        decay = min(0.5, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * now
    torch.testing.assert_close(loop.averaged.layers[0].weight, mean)
    assert loop.averaged.seen == 8


@pytest.mark.parametrize("stop", [1, 3, 4, 7])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(settings, stop):
    whole = settings("whole")
    train(whole)
    cut = settings("cut")
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(stop))
    again = cut if stop < 2 else settings("cut", resume=True)
    train(again)
    assert_same_state(whole, cut)


def test_a_run_out_of_minutes_goes_on_to_the_same_bits(settings):
    whole, cut = settings("whole"), settings("cut", minutes=1e-9)
    train(whole)
    assert train(cut).step < 8
    train(settings("cut", resume=True))
    assert_same_state(whole, cut)


def test_a_finished_run_resumed_stays_as_it_is(settings):
    train(settings())
    before = state(settings())
    train(settings(resume=True))
    assert before[1] == state(settings())[1]


def test_a_kill_while_writing_leaves_the_last_state(settings):
    whole, cut = settings("whole"), settings("cut")
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(5))
    part = cut.run / "state.part"
    part.mkdir()
    (part / "state.safetensors").write_bytes(b"half")
    train(settings("cut", resume=True))
    assert_same_state(whole, cut)
    assert not part.exists()


def test_a_kill_between_the_renames_leaves_the_last_state(settings):
    whole, cut = settings("whole"), settings("cut")
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(5))
    (cut.run / "state").rename(cut.run / "state.old")
    with pytest.raises(MuzeError, match="holds a run already"):
        train(cut)
    (cut.run / "state").rename(cut.run / "state.old")
    train(settings("cut", resume=True))
    assert_same_state(whole, cut)


class Notes(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def previews():
    """A preview that draws numbers as it likes, and the steps and weights it was shown."""
    seen = []

    def preview(averaged, step):
        torch.rand(7)
        assert not averaged.training
        assert not torch.is_grad_enabled()
        averaged.layers(torch.randn(2, 3))
        seen.append((step, averaged.layers[0].weight.clone()))

    preview.seen = seen
    return preview


def test_previews_are_of_the_averaged_weights_at_the_steps_asked_for(settings, previews):
    loop = train(settings(preview_every=4), preview=previews)
    assert [step for step, _ in previews.seen] == [4, 8]
    assert torch.equal(previews.seen[-1][1], loop.averaged.layers[0].weight)
    assert not torch.equal(previews.seen[-1][1], loop.model.layers[0].weight)


def test_there_are_no_previews_unless_said(settings, previews):
    train(settings(), preview=previews)
    assert previews.seen == []


def test_previews_change_no_bit_of_a_training(settings, previews):
    plain, shown = settings("plain"), settings("shown", preview_every=1)
    train(plain)
    before = torch.get_rng_state()
    train(shown, preview=previews)
    assert torch.equal(before, torch.get_rng_state())
    assert len(previews.seen) == 8
    assert_same_state(plain, shown)


def test_a_run_with_previews_goes_on_to_the_same_bits(settings, previews):
    whole, cut = settings("whole"), settings("cut", preview_every=3)
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(5), preview=previews)
    train(settings("cut", preview_every=2, resume=True), preview=previews)
    assert [step for step, _ in previews.seen] == [3, 6, 8]
    assert_same_state(whole, cut)


def test_a_preview_that_cannot_be_made_is_told_and_training_goes_on(settings):
    def preview(averaged, step):
        raise MuzeError("no ears")

    report = Notes()
    assert train(settings(preview_every=5), report, preview=preview).step == 8
    assert "a line: no preview of step 5: no ears" in report.notes


def test_a_run_is_not_overwritten(settings):
    train(settings())
    with pytest.raises(MuzeError, match="holds a run already; say --resume"):
        train(settings())


def test_nothing_to_resume_is_told(settings):
    with pytest.raises(CheckpointError, match="there is no run to resume"):
        train(settings(resume=True))


def test_a_damaged_state_is_told_in_one_line(settings):
    train(settings())
    file = settings().run / "state" / "state.safetensors"
    content = file.read_bytes()
    for damaged in (content[:-8], content[:-4] + b"oops"):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged; its weights are not those"):
            train(settings(resume=True))
    rewrite(settings(), lambda about: about.pop("sha256"))
    file.write_bytes(content[:-8])
    with pytest.raises(CheckpointError, match="does not fit this training") as told:
        train(settings(resume=True))
    assert "\n" not in str(told.value)


def test_a_state_of_another_network_is_told_in_one_line(settings):
    train(settings())
    with pytest.raises(CheckpointError, match="does not fit this training") as told:
        Loop(nn.Linear(2, 2), settings(resume=True), SilentReport())
    assert "\n" not in str(told.value)


def test_a_run_does_not_go_on_with_other_settings(settings):
    train(settings(minutes=1e-9))
    with pytest.raises(MuzeError) as told:
        train(settings(resume=True, steps=9, learning_rate=0.2, minutes=None))
    assert str(told.value) == (
        f"{settings().run}: cannot be resumed: steps was 8 and is 9; learning_rate was 0.1 and is "
        "0.2; give what it began with (leave the option out), or start another run in a new folder"
    )


def test_a_run_goes_on_elsewhere_with_what_does_not_change_the_weights(settings, tmp_path):
    whole, cut = settings("whole"), settings("cut", start="a/model", minutes=1e-9)
    train(whole)
    train(cut)
    cut.run.rename(tmp_path / "moved")
    (tmp_path / "dataset.json").rename(tmp_path / "songs.json")
    moved = settings(
        "moved", dataset=tmp_path / "songs.json", resume=True, save_every=3, preview_every=4,
        threads=torch.get_num_threads(), minutes=9,
    )  # fmt: skip
    train(moved)
    assert_same_state(whole, moved)


def test_a_run_does_not_go_on_from_another_model(settings):
    train(settings(start="a/model", minutes=1e-9))
    with pytest.raises(MuzeError, match="start was 'a/model' and is 'b/model'"):
        train(settings(start="b/model", resume=True))


def test_a_run_does_not_go_on_with_other_songs(settings, tmp_path):
    train(settings(minutes=1e-9))
    (tmp_path / "dataset.json").write_text("four songs")
    with pytest.raises(MuzeError, match=r"what is in .*dataset.json has changed"):
        train(settings(resume=True))


def rewrite(settings, change):
    file = settings.run / "state" / "state.json"
    about = json.loads(file.read_text())
    change(about)
    file.write_text(json.dumps(about))


def test_a_run_of_an_older_muze_goes_on(settings, tmp_path):
    def older(about):
        del about["dataset_sha256"]
        del about["settings"]["preview_every"]
        del about["settings"]["clip"]  # its default was the only way

    whole, cut = settings("whole"), settings("cut", minutes=1e-9)
    train(whole)
    train(cut)
    rewrite(cut, older)
    train(settings("cut", resume=True))
    assert_same_state(whole, cut)


@pytest.mark.parametrize(
    ("change", "told"),
    [(lambda about: about["settings"].update(batch_sise=3), "does not know: batch_sise: Extra"),
     (lambda about: about.pop("settings"), "does not fit this training: 'settings'"),
     (lambda about: about.update(settings=[3]), "does not fit this training: "),
     (lambda about: about.update(step=-4), "does not fit this training: step is -4"),
     (lambda about: about.update(step=99), "does not fit this training: step is 99"),
     (lambda about: about.pop("step"), "does not fit this training: 'step'")],
)  # fmt: skip
def test_a_state_that_makes_no_sense_is_told(settings, change, told):
    train(settings())
    rewrite(settings(), change)
    with pytest.raises(CheckpointError, match=told):
        train(settings(resume=True))


def test_a_full_disk_stops_the_training_and_leaves_the_last_state(settings, monkeypatch):
    whole, cut = settings("whole"), settings("cut")
    train(whole)
    saved = []

    def full(tensors, file):
        saved.append(file)
        if len(saved) == 2:
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        save_file(tensors, file)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(CheckpointError, match=r"state.safetensors: cannot be written: .*No space"):
        train(cut)
    monkeypatch.undo()
    assert len(state(cut)[1]) == 2
    train(settings("cut", resume=True))
    assert_same_state(whole, cut)


def test_a_gradient_that_is_no_number_stops_and_saves_nothing(settings):
    loop = Loop(nn.Linear(1, 1), settings(), SilentReport())
    with pytest.raises(MuzeError, match=r"gradient of step 0 is not finite; lower the rate"):
        loop.run(lambda step: {"loss": loop.model.weight.sum() * float("nan")}, "nothing")
    assert not (loop.settings.run / "state").exists()


def test_training_leaves_the_caller_s_random_numbers_alone(settings):
    before = torch.get_rng_state()
    train(settings())
    assert torch.equal(before, torch.get_rng_state())


def test_a_crop_must_be_whole_latent_frames(settings):
    check_crop(settings(crop_frames=64), 8)
    with pytest.raises(MuzeError, match="crop_frames is 60; it must be a multiple of 8"):
        check_crop(settings(crop_frames=60), 8)


def test_a_device_that_is_not_there_is_told(settings):
    with pytest.raises(MuzeError, match="'tpu' is not on this machine"):
        settings(device="tpu")
    assert settings(device="auto").device in ("cpu", "cuda", "mps")
