import numpy as np
import pytest
import torch

from muze.core.errors import DatasetError
from muze.core.registry import Registry
from muze.data.conditions import drop_conditions, recall_crops
from muze.data.crops import Crop
from muze.data.track import track_grid
from muze.model.conditioning import Drawn
from muze.pipelines.draw import draw_record
from muze.pipelines.trained import unseen_rows

RECORD = {
    "audio_path": "a.wav", "duration": 4.0, "tempo": 120.0, "key": "A minor", "prompt": "one",
    "prompts": ["one", "two words"],
    "chords": [{"chord": "Am", "start": 0, "end": 2}, {"chord": "F", "start": 2, "end": 4}],
}  # fmt: skip


def streams(*names):
    registry = Registry()
    return {n: (cls := registry.get("stream", n))(cls.Config()) for n in names}


def recalled(records, crops, *names, seed=0):
    grids = [track_grid(record) for record in records]
    return recall_crops(streams(*names), records, grids, crops, np.random.default_rng(seed))


def test_a_crop_hears_what_its_part_of_the_record_says():
    crops = [Crop(0, 0, 100), Crop(0, 150, 100)]
    chord = recalled([RECORD], crops, "chord")["chord"]
    assert chord.features["chord"].shape == (2, 37, 100)
    roots = chord.features["chord"][:, :12].argmax(dim=1)
    assert (roots[0] == 9).all()
    assert roots[1, :50].unique().tolist() == [9]
    assert roots[1, 50:].unique().tolist() == [5]


def test_a_record_that_does_not_say_leaves_its_row_absent():
    silent = {key: value for key, value in RECORD.items() if key not in ("chords", "key")}
    out = recalled([RECORD, silent], [Crop(0, 0, 50), Crop(1, 0, 50)], "chord", "key", "tempo")
    assert out["chord"].present.all(dim=1).tolist() == [True, False]
    assert out["tempo"].present.all()
    alone = recalled([silent], [Crop(0, 0, 50)], "chord")["chord"]
    assert alone.features == {}
    assert not alone.present.any()


def test_a_record_a_stream_fails_at_is_told():
    broken = {**RECORD, "melody": [{"pitch": 60, "start": 0.0}]}  # no end
    grid, f0 = track_grid(broken), streams("f0")
    for recall in (
        lambda: recalled([broken], [Crop(0, 0, 50)], "f0"),
        lambda: unseen_rows(f0, [broken], [grid]),
        lambda: draw_record(broken, grid, f0),
    ):
        with pytest.raises(DatasetError, match=r"a\.wav: stream f0 cannot read .*KeyError: 'end'"):
            recall()


def test_prompts_take_turns():
    out = recalled([RECORD], [Crop(0, 0, 50)] * 12, "text")["text"].features["tokens_mask"]
    assert len(out.sum(dim=1).unique()) == 2


def drawn(batch=400, frames=20):
    present = torch.ones(batch, frames, dtype=torch.bool)
    return {name: Drawn({"x": torch.zeros(batch, 1, frames)}, present) for name in ("a", "b")}


def test_conditions_are_dropped_together_apart_and_in_part_as_often_as_said():
    absent = {}
    for kind, odds in (("whole", (0.2, 0, 0)), ("each", (0, 0.2, 0)), ("part", (0, 0, 0.5))):
        out = drop_conditions(drawn(), *odds, np.random.default_rng(0))
        absent[kind] = [~one.present for one in out.values()]
    a, b = (gone.all(dim=1) for gone in absent["whole"])
    assert torch.equal(a, b)
    assert 0.14 < a.float().mean() < 0.26
    a, b = (gone.all(dim=1) for gone in absent["each"])
    assert not torch.equal(a, b)
    assert 0.14 < a.float().mean() < 0.26
    a, _ = absent["part"]
    some = a.any(dim=1) & ~a.all(dim=1)
    assert 0.35 < some.float().mean() < 0.55
    edges = a.int().diff(dim=1).abs().sum(dim=1)
    assert edges.max() <= 2  # one stretch


def test_a_stream_may_be_dropped_as_often_as_is_said_of_it():
    out = drop_conditions(drawn(), 0, {"a": 0.7, "b": 0.1}, 0, np.random.default_rng(0))
    gone = {name: (~one.present).all(dim=1).float().mean() for name, one in out.items()}
    assert 0.6 < gone["a"] < 0.8
    assert 0.05 < gone["b"] < 0.16


def test_dropping_leaves_what_was_drawn_alone():
    given = drawn()
    drop_conditions(given, 1, 1, 1, np.random.default_rng(0))
    assert given["a"].present.all()
