"""Shares of a batch are drawn as the whole batch is: so processes and micro-batches agree."""

import pytest
import torch

from muze.model.conditioning import Drawn
from muze.pipelines import train_diffusion, train_vae, train_vocoder
from muze.pipelines.loop import Loop
from muze.report import SilentReport

CASES = {
    "vae": (train_vae, {}),
    "diffusion": (train_diffusion, {"drop_all": 0.3, "drop_each": 0.3, "drop_part": 0.5}),
    "vocoder": (train_vocoder, {"crop_frames": 32}),
}


@pytest.fixture(params=CASES)
def draws(request, monkeypatch):
    """How a training draws its batches, of four rows; and those it validates on, of six."""
    pipeline, changes = CASES[request.param]
    make = request.getfixturevalue(f"{request.param}_settings")
    told = {}

    def run(loop, draw, losses, name, write, preview, held_out):
        told.update(draw=draw, held_out=held_out)

    monkeypatch.setattr(Loop, "run", run)
    settings = make(
        f"{request.param}-drawn", batch_size=4, validation=0.3, validation_crops=6, **changes
    )
    pipeline.train(settings, SilentReport())
    return told


def assert_are_rows(part, whole, rows):
    """Assert that ``part`` is some rows of ``whole``: tensors, and what streams tell."""
    if isinstance(whole, dict):
        for key in whole:
            assert_are_rows(part[key], whole[key], rows)
    elif isinstance(whole, Drawn):
        assert torch.equal(part.present, whole.present[rows])
        for key, array in part.features.items():
            known = whole.features[key][rows]
            if known.shape[1:] != array.shape[1:]:  # tokens, padded to the longest there
                assert not known[:, array.shape[1] :].any()
                known = known[:, : array.shape[1]]
            assert torch.equal(array, known)
        if not part.features:
            assert not part.present.any()
    elif isinstance(whole, torch.Tensor) and whole.ndim:
        assert torch.equal(part, whole[rows])
    else:
        assert part == whole


@pytest.mark.parametrize("step", [0, 7])
def test_a_share_is_its_rows_of_the_whole_batch(draws, step):
    whole = draws["draw"](step, slice(0, 4))
    for rows in (slice(0, 2), slice(2, 4), slice(3, 4)):
        assert_are_rows(draws["draw"](step, rows), whole, rows)


def test_the_same_step_draws_the_same_and_another_another(draws):
    whole = draws["draw"](3, slice(0, 4))
    assert_are_rows(draws["draw"](3, slice(0, 4)), whole, slice(0, 4))
    with pytest.raises(AssertionError):
        assert_are_rows(draws["draw"](4, slice(0, 4)), whole, slice(0, 4))


def test_what_is_validated_on_is_the_same_in_any_batches(draws):
    whole = draws["held_out"](slice(0, 6))
    for rows in (slice(0, 2), slice(4, 6)):
        assert_are_rows(draws["held_out"](rows), whole, rows)
