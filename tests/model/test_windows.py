import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from muze.model.windows import Windows


@settings(max_examples=200, deadline=None)
@given(total=st.integers(1, 5000), longest=st.integers(17, 300))
def test_windows_cover_a_song_and_overlap_as_asked(total, longest):
    windows = Windows.over(total, longest, 16)
    assert windows.length <= longest
    assert windows.starts[0] == 0
    assert windows.starts[-1] + windows.length == total
    steps = [b - a for a, b in zip(windows.starts, windows.starts[1:], strict=False)]
    assert all(0 < step <= windows.length - 16 for step in steps)


@pytest.mark.parametrize("total", [5, 128, 129, 375, 3750])
def test_weights_sum_to_one_everywhere(total):
    windows = Windows.over(total, 128, 16)
    song = torch.zeros(total)
    for weight, start in zip(windows.weights(), windows.starts, strict=True):
        assert (weight > 0).all()
        song[start : start + windows.length] += weight
    torch.testing.assert_close(song, torch.ones(total))


def test_a_window_counts_less_towards_its_edges():
    first, second, _ = Windows.over(300, 128, 16).weights()
    assert (first[:-30] == 1).all()
    assert (second[:14].diff() > 0).all()
    assert (second[-14:].diff() < 0).all()


@pytest.mark.parametrize("total", [50, 375])
def test_joining_what_was_cut_gives_the_song_back(total):
    windows = Windows.over(total, 128, 16)
    song = torch.randn(1, 4, 2, total)
    parts = [song[..., start : start + windows.length] for start in windows.starts]
    torch.testing.assert_close(windows.join(parts), song)


def test_a_longer_song_takes_more_windows_and_no_longer_ones():
    short, long = Windows.over(375, 128, 16), Windows.over(3750, 128, 16)
    assert long.length <= 128 >= short.length
    assert len(long.starts) == 34  # (3750 - 16) / (128 - 16), rounded up
