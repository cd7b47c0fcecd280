import json
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from muze.core.errors import DatasetError, MuzeError
from muze.data.crops import draw_crops
from muze.data.store import Dataset, read_dataset
from muze.model.header import weights_file
from muze.pipelines import train_diffusion, train_vae, train_vocoder
from muze.pipelines.loop import Loop
from muze.pipelines.training import LoopSettings
from muze.pipelines.validation import fixed_batches, split
from muze.report import SilentReport

CASES = {
    "vae": (train_vae, "autoencoder", {}),
    "diffusion": (train_diffusion, "denoiser", {}),
    "vocoder": (train_vocoder, "vocoder", {"crop_frames": 32, "adversarial_from": 0,
                                           "discriminators": ["resolution"]}),
}  # fmt: skip


@pytest.fixture
def settings(tmp_path):
    def settings(**changes):
        (tmp_path / "dataset.json").write_text("three songs")
        given = {"dataset": tmp_path / "dataset.json", "run": tmp_path / "run", "steps": 8,
                 "batch_size": 4, "save_every": 2, "learning_rate": 0.1, "warmup": 0}  # fmt: skip
        return LoopSettings.model_validate({**given, **changes})

    return settings


@pytest.fixture
def songs(tmp_path):
    def songs(count, name="dataset.json", **told):
        tracks = [{"audio_path": f"{k}.wav", "duration": 1.0, **told} for k in range(count)]
        return Dataset(tmp_path / name, tuple(tracks))

    return songs


def paths(dataset):
    return [record["audio_path"] for record in dataset.tracks]


def test_nothing_is_held_out_unless_said(settings, songs):
    dataset = songs(500)
    assert split(dataset, settings()) == (dataset, None)


def test_a_share_of_tracks_is_held_out_and_the_rest_is_trained_on(settings, songs):
    dataset = songs(500)
    rest, held = split(dataset, settings(validation=0.1))
    assert sorted(paths(rest) + paths(held)) == sorted(paths(dataset))
    assert not {*paths(rest)} & {*paths(held)}
    assert 30 < len(held.tracks) < 70
    assert paths(rest) == [path for path in paths(dataset) if path not in paths(held)]


def test_a_track_stays_on_its_side_when_others_are_added(settings, songs):
    few, many = (split(songs(count), settings(validation=0.1)) for count in (200, 400))
    assert {*paths(few[1])} <= {*paths(many[1])}
    assert {*paths(few[0])} <= {*paths(many[0])}


def test_at_least_one_track_is_held_out(settings, songs):
    rest, held = split(songs(3), settings(validation=1e-9))
    assert (len(rest.tracks), len(held.tracks)) == (2, 1)


def test_tracks_of_one_audio_are_on_one_side_whatever_they_are_called(settings, songs):
    copies = Dataset(
        songs(1).path,
        tuple({"audio_path": f"{k}.wav", "audio_sha256": f"{k // 2}"} for k in range(300)),
    )
    sides = split(copies, settings(validation=0.3))
    rest, held = ({record["audio_sha256"] for record in side.tracks} for side in sides)
    assert held
    assert not rest & held


def test_a_share_that_leaves_nothing_is_told(settings, songs):
    with pytest.raises(MuzeError, match=r"validation is 0\.5, which leaves none of the 1 tracks"):
        split(songs(1), settings(validation=0.5))


def written(path, tracks):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"muze_dataset": 1, "tracks": tracks}))
    return path


def test_another_dataset_is_validated_on_whole(settings, songs, tmp_path):
    other = written(tmp_path / "other" / "held.json", [{"audio_path": "0.wav", "duration": 2.0}])
    dataset = songs(3)
    rest, held = split(dataset, settings(validation_dataset=other))
    assert rest == dataset
    assert held == read_dataset(other)


@pytest.mark.parametrize(
    "shared",
    [{"audio_path": "../1.wav"}, {"audio_path": "b.wav", "audio_sha256": "the same"}],
    ids=["path", "sha256"],
)
def test_a_track_that_is_trained_on_is_told_and_not_validated_on(settings, songs, tmp_path, shared):
    fresh = {"audio_path": "fresh.wav", "duration": 1.0}
    other = written(tmp_path / "other" / "held.json", [fresh, {**shared, "duration": 1.0}])
    with pytest.raises(MuzeError, match=r"has 1 of the tracks that are trained on, as (\.\./1|b)"):
        split(songs(3, audio_sha256="the same"), settings(validation_dataset=other))


@pytest.mark.parametrize(
    ("given", "told"),
    [({"validation": 0.1, "validation_dataset": "a.json"}, "exclude each other"),
     ({"validate_every": 5}, "validate_every needs tracks to validate on"),
     ({"validation": 1.0}, "less than 1")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_told(settings, given, told):
    with pytest.raises(ValueError, match=told):
        settings(**given)


def test_what_is_validated_on_is_drawn_once_in_micro_batches(settings):
    drawn = []
    batches = fixed_batches(drawn.append, settings(validation_crops=10), 1)
    assert drawn == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert [rows for _, rows in batches] == [4, 4, 2]
    assert len(fixed_batches(drawn.append, settings(validation_crops=10), 2)) == 5


def test_held_out_tracks_that_are_too_short_are_told(settings):
    def held_out(rows):
        raise DatasetError("no track is as long as a crop of 512 frames; the longest has 3")

    with pytest.raises(MuzeError, match="validation: no track is as long as a crop"):
        fixed_batches(held_out, settings(), 1)


class Overfitting(nn.Module):
    """Whose weight passes by what is right for the tracks held out, 0.25, on its way to 1."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


@pytest.fixture
def train(settings):
    """Train it; return the loop, and the weights written, by folder."""

    def train(stop_at=None, **changes):
        told = settings(validation=0.1, ema=0.0, weight_decay=0.0, **changes)
        loop, written = Loop(Overfitting(), told, SilentReport()), []

        def losses(model, batch):
            assert model.training or not torch.is_grad_enabled()
            return {"loss": (model.weight - batch).square().mean()}

        def draw(step, rows):
            if step == stop_at:
                raise KeyboardInterrupt
            return torch.ones(4)[rows]

        def write(averaged, folder):
            written.append((folder.name, loop.step, float(averaged.weight)))
            return folder / "part"

        loop.run(draw, losses, "a line", write, held_out=lambda rows: torch.full((64,), 0.25)[rows])
        return loop, written

    return train


def test_the_best_by_validation_is_written_beside_the_last(train):
    loop, written = train(validate_every=1)
    weights = {step: weight for name, step, weight in written if name == "best"}
    assert [row["step"] for row in loop.log.validated] == list(range(1, 9))
    for row in loop.log.validated:
        if row["step"] in weights:
            assert row["loss"] == pytest.approx((weights[row["step"]] - 0.25) ** 2, abs=1e-6)
    losses = [row["loss"] for row in loop.log.validated]
    best = losses.index(min(losses)) + 1
    assert 1 < best < 8
    assert max(weights) == best
    assert written[-1][:2] == ("run", 8)
    assert loop.record()["validated"] == loop.log.validated[-1]


def test_validation_comes_as_often_as_checkpoints_and_at_the_end(train):
    loop, _ = train(save_every=3)
    assert [row["step"] for row in loop.log.validated] == [3, 6, 8]


def test_the_curve_goes_on_as_if_the_run_had_not_stopped(train, tmp_path):
    whole, _ = train(run=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(stop_at=5, run=tmp_path / "cut")
    again, written = train(run=tmp_path / "cut", resume=True)
    assert again.log.validated == whole.log.validated
    assert again.log.losses == whole.log.losses
    assert written[-1] == ("cut", 8, float(whole.averaged.weight))


def test_validation_changes_no_bit_of_a_training(train, settings, tmp_path):
    one, _ = train(run=tmp_path / "one", validate_every=1)
    other, _ = train(run=tmp_path / "other", validate_every=100)
    assert one.log.losses == other.log.losses
    assert torch.equal(one.model.weight, other.model.weight)


@pytest.fixture(scope="module", params=CASES)
def validated(request, judge_of_one_window):
    """Train each, a song of three held out; return what, and the tracks of each drawing."""
    pipeline, part, changes = CASES[request.param]
    make = request.getfixturevalue(f"{request.param}_settings")
    settings = make(
        f"{request.param}-validated", validation=0.3, validation_crops=3, validate_every=2,
        steps=4, batch_size=2, **changes,
    )  # fmt: skip
    drawn = []

    def noted(found, *given):
        drawn.append([*found])
        return draw_crops(found, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vocos.discriminators.MultiResolutionDiscriminator", judge_of_one_window)
        for name, module in sys.modules.items():
            if name.startswith("muze.pipelines") and hasattr(module, "draw_crops"):
                patch.setattr(module, "draw_crops", noted)
        pipeline.train(settings, SilentReport())
    return pipeline, part, settings, drawn


def test_every_training_validates_and_keeps_its_best(validated):
    _, part, settings, _ = validated
    about = json.loads((settings.run / "state" / "state.json").read_text())
    rows = about["validated"]
    assert [row["step"] for row in rows] == [2, 4]
    best = min(rows, key=lambda row: row["loss"])
    header = json.loads((settings.run / "best" / part / "muze.json").read_text())
    assert header["parts"][part]["training"]["steps"] == best["step"]
    assert load_file(weights_file(settings.run / "best" / part, part))
    assert "fooling" not in rows[0]


def test_no_training_hears_what_is_held_out(validated):
    pipeline, _, settings, drawn = validated
    dataset, held = split(read_dataset(settings.dataset), settings)
    assert (len(dataset.tracks), len(held.tracks)) == (2, 1)
    stride = 8 if pipeline is train_diffusion else 1

    def frames(side):
        return [int(record["duration"] * 100) // stride * stride for record in side.tracks]

    assert drawn.count(frames(held)) == 2  # once for each of the two batches
    assert frames(dataset) in drawn
    assert [one for one in drawn if one not in (frames(held), frames(dataset))] == []
