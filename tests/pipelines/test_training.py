import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from muze.core.errors import CheckpointError, MuzeError
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
    def settings(run="run", **changes):
        given = {"dataset": "unused.json", "run": tmp_path / run, "steps": 8, "warmup": 2,
                 "learning_rate": 0.1, "save_every": 2, "ema": 0.8}  # fmt: skip
        return LoopSettings.model_validate({**given, **changes})

    return settings


def train(settings, report=None, model=None):
    model = model or Network()
    loop = Loop(model, settings, report or SilentReport())

    def losses(step):
        _, generator = draws(settings.seed, step)
        x = torch.randn(16, 3, generator=generator)
        model.seen += 1
        loss = (model.layers(x)[:, 0] - x.sum(dim=1)).square().mean()
        return {"loss": loss, "twice": 2 * loss}

    loop.run(losses, "a line")
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
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="does not fit this training") as told:
        train(settings(resume=True))
    assert "\n" not in str(told.value)


def test_a_state_of_another_network_is_told_in_one_line(settings):
    train(settings())
    with pytest.raises(CheckpointError, match="does not fit this training") as told:
        Loop(nn.Linear(2, 2), settings(resume=True), SilentReport())
    assert "\n" not in str(told.value)


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
