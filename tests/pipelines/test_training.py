import json
import os
import signal

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from muze.core.errors import CheckpointError, MuzeError
from muze.model import checkpoint
from muze.pipelines import loop as loops
from muze.pipelines.loop import Loop
from muze.pipelines.training import LoopSettings, check_crop, draws, rate_at, state_folder
from muze.report import SilentReport


class StopAt(SilentReport):
    """Interrupts after so many steps, as Ctrl-C or a kill would."""

    def __init__(self, steps):
        self.left = steps + 1  # the first call tells what was done before

    def task(self, description, total):
        def advance(steps=1, note=""):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        return advance


class Network(nn.Module):
    def __init__(self, dropout=0.5):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(dropout), nn.Linear(4, 1))
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

    def draw(step, rows):
        _, generator = draws(settings.seed, step)
        return torch.randn(settings.batch_size, 3, generator=generator)[rows]

    def losses(model, x):
        model.seen += 1
        loss = (model.layers(x)[:, 0] - x.sum(dim=1)).square().mean()
        return {"loss": loss, "twice": 2 * loss}

    loop.run(draw, losses, "a line", preview=preview)
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


def test_training_lowers_the_loss_and_leaves_its_page(settings):
    loop = train(settings(steps=60, save_every=60))
    recent = [row["loss"] for row in loop.log.losses]
    assert np.mean(recent[-10:]) < 0.7 * np.mean(recent[:10])
    assert loop.step == 60
    assert "step 60 of 60" in (loop.settings.run / "report.html").read_text()
    assert sorted(path.name for path in loop.settings.run.iterdir()) == ["report.html", "state"]


def test_averaged_weights_are_the_moving_mean_of_the_weights(settings):
    model = Network()
    weights, mean = [], model.layers[0].weight.detach().clone()

    class Watch(SilentReport):
        def task(self, description, total):
            return lambda steps=1, note="": weights.append(model.layers[0].weight.detach().clone())

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


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_give_what_the_whole_batch_gives(settings, accumulate):
    whole, parts = settings("whole"), settings("parts", accumulate=accumulate)
    train(whole, model=Network(dropout=0))
    rows = []

    class Sizes(Network):
        def __init__(self):
            super().__init__(dropout=0)
            self.layers.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))

    train(parts, model=Sizes())
    assert rows == [16 // accumulate] * accumulate * 8
    (ours, losses), (theirs, other_losses) = state(whole), state(parts)
    for row, other in zip(losses, other_losses, strict=True):
        assert row == pytest.approx(other, rel=1e-5)
    for name in ours.keys() - {"model.seen", "averaged.seen"}:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-6)


def test_micro_batches_drop_out_other_units(settings):
    seen = []

    class Watched(Network):
        def __init__(self):
            super().__init__()
            self.layers[1].register_forward_hook(lambda _, __, out: seen.append(out != 0))

    train(settings(accumulate=2, steps=1), model=Watched())
    assert not torch.equal(*seen)


def test_a_run_goes_on_with_more_micro_batches(settings):
    cut = settings("cut", minutes=1e-9)
    train(cut, model=Network(dropout=0))
    train(settings("cut", resume=True, accumulate=4), model=Network(dropout=0))
    train(settings("whole"), model=Network(dropout=0))
    assert state(cut)[1][-1] == pytest.approx(state(settings("whole"))[1][-1], rel=1e-5)


def test_sigterm_saves_and_stops_and_the_run_goes_on_to_the_same_bits(settings):
    class Terminated(SilentReport):
        def __init__(self):
            self.notes, self.steps = [], -1

        def task(self, description, total):
            def advance(steps=1, note=""):
                self.steps += 1
                if self.steps == 2:
                    os.kill(os.getpid(), signal.SIGTERM)

            return advance

        def note(self, text):
            self.notes.append(text)

    before, report = signal.getsignal(signal.SIGTERM), Terminated()
    whole, cut = settings("whole", save_every=100), settings("cut", save_every=100)
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(cut, report)
    assert report.notes == ["a line: stopped by SIGTERM at step 3, and saved"]
    assert len(state(cut)[1]) == 3
    assert signal.getsignal(signal.SIGTERM) is before
    train(settings("cut", save_every=100, resume=True))
    assert_same_state(whole, cut)


def test_time_spent_and_time_waited_are_kept(settings):
    loop = train(settings())
    about = json.loads((loop.settings.run / "state" / "state.json").read_text())
    assert 0 <= about["waited"] <= about["seconds"]
    assert train(settings(resume=True)).log.seconds == about["seconds"]


def test_earlier_states_are_kept_and_gone_on_from(settings):
    whole = settings("whole", keep=2)
    train(whole)
    assert sorted(path.name for path in (whole.run / "checkpoints").iterdir()) == ["4", "6"]
    train(settings("whole", resume_from=4))
    again = train(settings("again", keep=9))
    assert_same_state(whole, again.settings)
    kept = [json.loads((whole.run / f"checkpoints/{k}/state.json").read_text()) for k in "46"]
    assert [about["step"] for about in kept] == [4, 6]


def test_a_run_taken_back_leaves_what_came_after(settings):
    train(settings(keep=9))
    checkpoints = settings().run / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["2", "4", "6"]
    with pytest.raises(KeyboardInterrupt):
        train(settings(keep=9, resume_from=2), StopAt(3))
    assert sorted(path.name for path in checkpoints.iterdir()) == ["2"]
    assert len(state(settings())[1]) == 4


def test_no_more_states_are_kept_than_asked_for(settings):
    train(settings(keep=9))
    train(settings(keep=0, resume_from=6))
    assert not (settings().run / "checkpoints").exists()


def test_a_checkpoint_that_is_not_kept_is_told(settings):
    train(settings("few", keep=2))
    with pytest.raises(CheckpointError, match="no such checkpoint; there are 4, 6"):
        settings("few", resume_from=5)
    train(settings())
    with pytest.raises(CheckpointError, match=r"no such checkpoint; the run keeps none \(keep\)"):
        settings(resume_from=5)


def test_a_run_is_resumed_by_its_folder_alone_also_between_the_renames(settings):
    train(settings(minutes=1e-9, learning_rate=0.2))
    run = settings().run
    (run / "state").rename(run / "state.old")
    assert state_folder(run) == run / "state.old"
    resumed = LoopSettings.model_validate({"run": run, "resume": True})
    assert resumed.learning_rate == 0.2
    assert train(resumed).step == 8


@pytest.fixture
def scaled(monkeypatch):
    """Let loops train in fp16 as on a GPU, their losses scaled from a scale on."""
    join = loops.join

    def scaled(scale):
        def joined(settings):
            accelerator = join(settings)
            accelerator.scaler = torch.amp.GradScaler("cpu", scale, growth_interval=3)
            accelerator.native_amp, accelerator.state._mixed_precision = True, "fp16"
            return accelerator

        monkeypatch.setattr(loops, "join", joined)

    return scaled


def test_a_scaled_loss_gives_the_same_weights_and_its_scale_is_resumed(settings, scaled):
    plain, whole, cut = settings("plain"), settings("whole"), settings("cut")
    train(plain)
    scaled(8.0)
    model, seen = Network(), []
    model.layers.register_forward_hook(lambda _, __, out: seen.append(out))
    loop = train(whole, model=model)
    assert loop.accelerator.scaler.get_scale() == 32  # doubled twice in 8 steps
    assert torch.float16 in [tensor.dtype for tensor in seen]
    for name, tensor in state(plain)[0].items():
        torch.testing.assert_close(state(whole)[0][name], tensor, rtol=2e-2, atol=1e-2)
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt(5))
    scaled(1.0)
    assert train(settings("cut", resume=True)).accelerator.scaler.get_scale() == 32
    assert_same_state(whole, cut)


def test_a_step_whose_scaled_gradient_overflows_is_left_out(settings, scaled):
    model = Network()
    before = model.layers[0].weight.detach().clone()
    scaled(3e38)
    loop = train(settings(steps=1), model=model)
    assert torch.equal(model.layers[0].weight, before)
    assert loop.accelerator.scaler.get_scale() == pytest.approx(1.5e38)
    assert loop.step == 1


def test_a_gradient_that_no_scale_makes_finite_is_told(settings, scaled):
    scaled(4.0)
    loop, nan = Loop(nn.Linear(1, 1), settings(), SilentReport()), float("nan")
    with pytest.raises(MuzeError, match="gradient of step 3 is not finite"):
        loop.run(lambda *_: 0, lambda model, _: {"loss": model.weight.sum() * nan}, "nothing")
    assert loop.log.losses == [{}] * 3


def test_fp16_on_a_cpu_is_told(settings):
    with pytest.raises(ValueError, match="amp: fp16 needs a GPU; on cpu say bf16 or off"):
        settings(amp="fp16", device="cpu")


def test_bf16_trains_in_bf16(settings):
    seen = []

    class Watched(Network):
        def __init__(self):
            super().__init__(dropout=0)
            self.layers.register_forward_hook(lambda _, __, out: seen.append(out.dtype))

    loop = train(settings(amp="bf16", steps=2), model=Watched())
    assert seen == [torch.bfloat16] * 2
    assert loop.model.layers[0].weight.dtype == torch.float32
    train(settings("off", amp="off", steps=1), model=Watched())  # also after a training in bf16
    assert seen[2:] == [torch.float32]


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
    loop, nan = Loop(nn.Linear(1, 1), settings(), SilentReport()), float("nan")
    with pytest.raises(MuzeError, match=r"gradient of step 0 is not finite; lower the rate"):
        loop.run(lambda *_: 0, lambda model, _: {"loss": model.weight.sum() * nan}, "nothing")
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
