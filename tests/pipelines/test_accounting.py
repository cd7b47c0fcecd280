"""What is counted of a step beside what torch's own profiler saw allocated."""

import itertools

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint

from muze.model.conditioning import Conditions
from muze.model.unet import UNet, UNetSettings
from muze.pipelines import on_meta
from muze.pipelines.accounting import counted

SHAPE = UNetSettings(
    latent_dim=8, model_channels=32, channel_mult=(1, 2), num_res_blocks=1, attention_levels=(1,),
    strides=((1, 2),), kernel=(1, 3), num_heads=2, expansion=2, context_dim=16, vector_dim=32,
    frames_dim=16, use_voice_stream=False,
)  # fmt: skip


def test_what_autograd_keeps_is_counted_once_and_let_go():
    x = torch.randn(100, requires_grad=True)
    with counted() as account:
        y = x.exp()  # keeps y
        z = (y * y).sum()  # keeps y again
        assert account.activations == 400
        z.backward()
        assert account.activations == 400
        (x.exp().exp()).sum().backward()
    assert account.activations == 800


def test_weights_are_no_activations_and_gradients_are_counted_with_them():
    layer, x = nn.Linear(50, 30), torch.randn(7, 50)
    weights = 4 * (50 * 30 + 30)
    with counted() as account:
        layer(x).square().sum().backward()
        assert account.activations == 4 * 7 * (50 + 30)
        assert account.at_once == weights  # as nothing else is left when the last one comes
        account.stepped()
        layer(x).square().sum().backward()
    layer(x).square().sum().backward()
    assert account.at_once == weights


def test_checkpointing_keeps_less():
    layers = nn.Sequential(*(nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 8))
                             for _ in range(4)))  # fmt: skip
    x, kept = torch.randn(32, 8, requires_grad=True), []
    for checkpointed in (False, True):
        with counted() as account:
            h = x
            for layer in layers:
                h = checkpoint(layer, h, use_reentrant=False) if checkpointed else layer(h)
            h.sum().backward()
        kept.append(account.activations)
    assert kept[1] < kept[0] / 4


def step(batch, frames):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UNet(SHAPE).train()
    told = Conditions(
        vector=torch.zeros(batch, SHAPE.vector_dim),
        frames=torch.zeros(batch, SHAPE.frames_dim, frames),
        tokens=torch.zeros(batch, on_meta.TOKENS, SHAPE.context_dim),
        tokens_mask=torch.ones(batch, on_meta.TOKENS, dtype=torch.bool),
    )
    x, t = torch.zeros(batch, SHAPE.latent_dim, 1, frames), torch.full((batch,), 0.5)
    return lambda: network(x, t, told).square().mean().backward(), network


@pytest.mark.parametrize("batch", [1, 16])
def test_a_step_takes_as_much_as_is_counted(batch):
    """The stated band: what is allocated is 0.85 to 1.25 times what is counted."""
    run, network = step(batch, 128)
    with counted() as account:
        run()
    network.zero_grad()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        run()
    events = [e for e in watched.profiler.kineto_results.events() if e.name() == "[memory]"]
    sizes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
    assert 0.85 < max(itertools.accumulate(sizes)) / account.at_once < 1.25


def test_the_meta_device_counts_the_same_without_allocating():
    run, network = step(4, 128)
    with counted() as account:
        run()
    assert on_meta.count(SHAPE) == sum(weight.numel() for weight in network.parameters())
    there = on_meta.unet_step(SHAPE, 4, 1, 128)
    assert there == pytest.approx(
        (account.activations, account.at_once), rel=0.15
    )  # attention goes another way there
