import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muze.core.errors import DatasetError
from muze.data.crops import Crop, cut, draw_crops


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=5),
    frames=st.sampled_from([8, 64]),
    every=st.sampled_from([1, 8]),
    seed=st.integers(0, 9),
)
def test_crops_lie_inside_their_tracks_and_start_where_they_may(lengths, frames, every, seed):
    if max(lengths) < frames:
        with pytest.raises(DatasetError, match="no track is as long as a crop of"):
            draw_crops(lengths, 4, frames, every, np.random.default_rng(seed))
        return
    for crop in draw_crops(lengths, 4, frames, every, np.random.default_rng(seed)):
        assert crop.first % every == 0
        assert 0 <= crop.first <= lengths[crop.track] - frames
        assert crop.frames == frames


def test_the_same_numbers_draw_the_same_crops():
    first, again = (draw_crops([100, 300], 9, 10, 1, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    assert first != draw_crops([100, 300], 9, 10, 1, np.random.default_rng(4))


def test_a_track_is_as_likely_as_it_has_places_for_a_crop():
    crops = draw_crops([110, 310, 5], 2000, 11, 1, np.random.default_rng(0))
    share = np.bincount([crop.track for crop in crops], minlength=3) / 2000
    assert share == pytest.approx([0.25, 0.75, 0], abs=0.03)


def test_crops_are_cut_from_whatever_has_its_frames_last():
    tracks = [np.arange(24).reshape(2, 12).astype(np.float16), np.zeros((2, 9), np.float16)]
    batch = cut(tracks, [Crop(0, 3, 4), Crop(1, 0, 4)])
    assert batch.shape == (2, 2, 4)
    assert batch.dtype == np.float32
    assert batch[0].tolist() == [[3, 4, 5, 6], [15, 16, 17, 18]]
