import numpy as np
import torch

from muze.core.grid import TimeGrid
from muze.data.batch import collate, cut_features

LAYOUT = {"curve": "frames", "level": "vector", "words": "tokens"}


def features(value, num_words=2, **more):
    return {
        "curve": np.full((2, 10), value, np.float32),
        "level": np.full(3, value, np.float32),
        "words": np.full((num_words, 4), value, np.float32),
        **more,
    }


def test_rows_are_stacked_and_a_row_without_the_stream_is_absent():
    batch = collate([features(1.0), None, features(3.0)], LAYOUT, 10)
    assert batch.features["curve"].shape == (3, 2, 10)
    assert batch.features["level"][:, 0].tolist() == [1, 0, 3]
    assert batch.present.all(dim=1).tolist() == [True, False, True]
    assert all(value.dtype in (torch.float32, torch.bool) for value in batch.features.values())


def test_a_row_tells_the_frames_it_speaks_of():
    present = np.arange(10) < 4
    batch = collate([features(1.0, present=present)], LAYOUT, 10)
    assert batch.present[0].tolist() == present.tolist()
    assert "present" not in batch.features


def test_tokens_are_padded_and_masked():
    batch = collate([features(1.0, 2), None, features(2.0, 3), features(3.0, 0)], LAYOUT, 10)
    assert batch.features["words"].shape == (4, 3, 4)
    assert batch.features["words_mask"].sum(dim=1).tolist() == [2, 0, 3, 0]
    assert (batch.features["words"][0, 2] == 0).all()


def test_a_stream_no_row_has_is_absent_everywhere():
    batch = collate([None, None], LAYOUT, 10)
    assert batch.features == {}
    assert not batch.present.any()


def test_a_window_sees_its_frames_and_its_tokens():
    grid = TimeGrid.of_song(4.0)
    song = {
        "curve": np.arange(400, dtype=np.float32)[None],
        "level": np.float32([7]),
        "words": np.float32([[0], [1], [2], [3]]),
        "words_span": np.float32([[0, 1], [0.9, 1.5], [1, 2], [3, 4]]),
        "present": np.arange(400) >= 150,
    }
    cut = cut_features(song, LAYOUT, grid, 100, 50)
    assert cut["curve"].tolist() == [list(range(100, 150))]
    assert cut["level"].tolist() == [7]
    assert cut["words"][:, 0].tolist() == [1, 2]
    assert not cut["present"].any()
    assert cut_features(song, LAYOUT, grid, 140, 20)["present"].sum() == 10


def test_spans_are_seconds_of_the_song_where_the_grid_starts_later():
    song = features(1.0, 3, words_span=np.float32([[2, 2.05], [2.05, 2.1], [0, 0.05]]))
    cut = cut_features(song, LAYOUT, TimeGrid.of_song(4.0).window(200, 10), 0, 5)
    assert cut["words"].shape == (1, 4)


def test_spans_named_in_the_layout_are_cut_with_their_tokens():
    grid, layout = TimeGrid.of_song(4.0), {"words": "tokens", "words_span": "tokens"}
    song = {"words": np.float32([[0], [1]]), "words_span": np.float32([[0, 1], [2, 4]])}
    cut = cut_features(song, layout, grid, 300, 100)
    assert cut["words"].tolist() == [[1]]
    assert cut["words_span"].tolist() == [[2, 4]]


def test_tokens_without_spans_are_seen_by_every_window():
    cut = cut_features(features(1.0), LAYOUT, TimeGrid.of_song(0.1), 0, 10)
    assert cut["words"].shape == (2, 4)


def test_beyond_the_end_of_the_song_its_last_frame_goes_on():
    song = {"curve": np.arange(10, dtype=np.float32)[None], "present": np.ones(10, bool)}
    cut = cut_features(song, LAYOUT, TimeGrid.of_song(0.1), 6, 8)
    assert cut["curve"][0].tolist() == [6, 7, 8, 9, 9, 9, 9, 9]
    assert cut["present"].all()
