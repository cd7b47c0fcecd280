"""Weights stored in fewer bits, and read again."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from muze.model.lora import merge
from muze.model.precision import restored, stored


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_integers_are_off_by_half_a_level_at_most(seed, shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    file = stored({"w": weight}, "int8")
    assert file["w.int8"].dtype == torch.int8
    back = restored(file)["w"]
    level = weight.flatten(1).abs().amax(1) / 127
    off = (back - weight).flatten(1).abs().amax(1)
    assert (off <= 0.5001 * level).all()
    again = restored(stored({"w": back}, "int8"))["w"]
    assert torch.allclose(again, back, atol=1e-6)


def test_rows_of_zeros_and_numbers_that_are_no_weights_come_back():
    tensors = {"w": torch.zeros(2, 3), "count": torch.tensor(7), "b": torch.tensor([0.5])}
    back = restored(stored(tensors, "int8"))
    assert set(back) == set(tensors)
    assert torch.equal(back["w"], tensors["w"])
    assert back["count"] == 7
    assert back["b"] == 0.5


def test_a_weight_of_its_own_may_be_called_a_scale():
    tensors = {"norm.scale": torch.ones(3), "scale": torch.ones(1)}
    assert set(restored(stored(tensors, "fp16"))) == set(tensors)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_what_is_no_number_stays_none_and_spoils_no_other_row(precision):
    weight = torch.tensor([[1.0, float("nan")], [float("inf"), 2.0], [3.0, -4.0]])
    back = restored(stored({"w": weight}, precision))["w"].float()
    assert not back[:2].isfinite().all(1).any()
    assert torch.allclose(back[2], weight[2], atol=0.02)


def test_what_lora_learnt_is_stored_in_integers_too():
    numbers = torch.Generator().manual_seed(0)
    shapes = {"a.lora_A.weight": (2, 3, 3), "a.lora_B.weight": (4, 2, 1)}
    learnt = {name: torch.randn(shape, generator=numbers) for name, shape in shapes.items()}
    base = {"a.weight": torch.randn(4, 3, 3, generator=numbers)}
    plain, back = (merge(base, each, 0.5) for each in (learnt, restored(stored(learnt, "int8"))))
    assert back.keys() == plain.keys()
    assert torch.allclose(back["a.weight"], plain["a.weight"], atol=0.03)


def test_integers_take_a_quarter_of_the_room():
    state = nn.Conv1d(64, 64, 3).state_dict()

    def size(precision):
        return sum(x.numel() * x.element_size() for x in stored(state, precision).values())

    assert size("int8") < 0.27 * size("fp32")
    assert size("fp16") == pytest.approx(0.5 * size("fp32"))
