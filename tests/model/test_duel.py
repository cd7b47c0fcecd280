"""Generator and discriminators learn from one loss, and each from its own part alone."""

import copy

import pytest
import torch
from torch import nn

from muze.model.duel import Duel, sound_judge
from muze.model.patch_discriminator import PatchDiscriminator


class Judge(nn.Module):
    """Thinks of a sound what its mean is, times a weight; its feature is the sound, weighted."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, wanted, made):
        one, other = self.weight * wanted, self.weight * made
        return [one.mean()[None]], [other.mean()[None]], [[one]], [[other]]


def test_the_losses_are_hinges_and_distances():
    duel = Duel(nn.Identity(), {"one": Judge(), "other": Judge()})
    wanted, made = torch.full((2, 4), 0.25), torch.full((2, 4), -0.5)
    with torch.no_grad():
        fooling, matching, telling = duel.adversarial(made, wanted)
    assert float(fooling) == pytest.approx(2 * 1.5)  # 1 - (-.5), of two discriminators
    assert float(matching) == pytest.approx(2 * 0.75)
    assert float(telling) == pytest.approx(2 * (0.75 + 0.5))
    assert [float(x) for x in Duel(nn.Identity(), {}).adversarial(made, wanted)] == [0, 0, 0]


@pytest.mark.parametrize("name", ["period", "resolution", "patch"])
def test_the_generator_s_losses_leave_the_discriminators_alone(name):
    judge = PatchDiscriminator(8) if name == "patch" else sound_judge(name)
    duel = Duel(nn.Identity(), {name: judge})
    shape = (1, 128, 16) if name == "patch" else (1, 4000)
    made = torch.randn(shape, requires_grad=True)
    fooling, matching, telling = duel.adversarial(made, torch.randn(shape))
    for loss in (fooling, matching):
        made.grad = None
        loss.backward(retain_graph=True)
        assert made.grad.any()
    assert all(p.grad is None for p in judge.parameters())
    made.grad = None
    telling.backward()
    assert made.grad is None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in judge.parameters())


def test_a_duel_can_be_copied_and_saved():
    """The averaged weights are a copy, and the state is what ``state_dict`` says."""
    duel = Duel(nn.Identity(), {"resolution": sound_judge("resolution")})
    other = copy.deepcopy(duel)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(1)
    sound = torch.randn(1, 4000), torch.randn(1, 4000)
    told = duel.adversarial(*sound)
    assert not torch.equal(other.adversarial(*sound)[2], told[2])
    other.load_state_dict(duel.state_dict())
    assert all(map(torch.equal, other.adversarial(*sound), told))


@pytest.mark.parametrize("frames", [8, 37, 512])
def test_patches_are_judged_at_any_length(frames):
    judge = PatchDiscriminator(4)
    (real,), (fake,), (real_maps,), (made_maps,) = judge(
        torch.randn(2, 128, frames), torch.randn(2, 128, frames)
    )
    assert real.shape == fake.shape == (2, 1, 16, frames // 8)
    assert len(real_maps) == len(made_maps) == 4


def test_a_share_of_a_batch_is_judged_as_the_batch_is():
    judge, batch = PatchDiscriminator(4), torch.randn(4, 128, 32)
    whole = judge(batch, batch)[0][0]
    torch.testing.assert_close(judge(batch[2:], batch[2:])[0][0], whole[2:])


def test_a_patch_is_as_large_as_it_says():
    spectrogram = torch.zeros(1, 128, 128, requires_grad=True)
    judge = PatchDiscriminator(4)
    for layer in judge.layers:  # norms see all of the spectrogram
        for index, part in enumerate(layer):
            if isinstance(part, nn.GroupNorm):
                layer[index] = nn.Identity()
    judge._judge(spectrogram)[0][0, 0, 8, 8].backward()
    seen = spectrogram.grad[0].nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [54, 54]
