import pytest
import torch
from torch.nn import functional as F

from muze.model.blocks import (
    Conv,
    CrossAttention,
    ResBlock,
    SpatialTransformer,
    Upsample,
    VoiceStreamAttention,
    downsample,
    time_embedding,
)


@pytest.mark.parametrize(
    ("kernel", "stride"), [((1, 3), (1, 1)), ((1, 4), (1, 2)), ((1, 1), (1, 1))]
)
def test_a_map_one_row_high_convolves_as_it_would_in_two_dimensions(kernel, stride):
    conv, x = Conv(6, 10, kernel, stride), torch.randn(2, 6, 1, 20)
    whole = F.conv2d(x, conv.weight, conv.bias, stride, conv.padding)
    torch.testing.assert_close(conv(x), whole)
    assert conv(x).shape == (2, 10, 1, 20 // stride[1])


@pytest.mark.parametrize("factor", [(2, 2), (1, 2), (4, 1), (3, 3)])
def test_down_and_up_sampling_divide_and_multiply_rows_and_frames(factor):
    x = torch.randn(1, 4, 12, 24)
    small = downsample(4, 8, factor)(x)
    assert small.shape == (1, 8, 12 // factor[0], 24 // factor[1])
    assert Upsample(8, 4, factor, (3, 3))(small).shape == x.shape


@pytest.mark.parametrize("channels", [20, 24, 32])
def test_a_fresh_residual_block_is_the_identity_whatever_it_is_told(channels):
    block = ResBlock(channels, channels, (3, 3), embedding_dim=8, frames_dim=4)
    x = torch.randn(2, channels, 4, 6)
    assert torch.equal(block(x, torch.randn(2, 8), torch.randn(2, 4, 6)), x)


def test_attention_looks_only_where_the_mask_says():
    attention = CrossAttention(8, 6, 2)
    x, context = torch.randn(2, 5, 8), torch.randn(2, 3, 6)
    mask = torch.tensor([[True, True, False]] * 2)
    changed = context.clone()
    changed[:, 2] += 100
    torch.testing.assert_close(attention(x, context, mask), attention(x, changed, mask))
    assert not torch.allclose(attention(x, context), attention(x, changed))


def test_a_fresh_transformer_and_voice_attention_change_nothing():
    x, tokens = torch.randn(2, 8, 2, 5), torch.randn(2, 3, 6)
    mask = torch.ones(2, 3, dtype=torch.bool)
    assert torch.equal(SpatialTransformer(8, 6, 2, 4)(x, tokens, mask), x)
    assert torch.equal(VoiceStreamAttention(8, 6, 2)(x, torch.randn(2, 6)), x)


def test_time_is_told_by_sinusoids_of_many_rates():
    embedded = time_embedding(torch.tensor([0.0, 0.5]), 8)
    assert embedded.shape == (2, 8)
    assert embedded[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    torch.testing.assert_close(embedded[1, :4], torch.sin(500 * 10000 ** -(torch.arange(4) / 4)))
