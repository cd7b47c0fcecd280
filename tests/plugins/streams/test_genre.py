import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.core.grid import TimeGrid
from muze.plugins.streams.genre import GENRES, GenreStream, known_genre

GRID = TimeGrid.of_song(1.0)
STREAM = GenreStream(GenreStream.Config())


def test_several_genres_share_evenly():
    drawn = STREAM.parse(GenreStream.Values(names=["jazz", "hip-hop"]), GRID)["genre"]
    assert drawn.shape == (len(GENRES), 100)
    assert drawn[GENRES.index("jazz"), 50] == drawn[GENRES.index("hip hop"), 50] == 0.5
    np.testing.assert_allclose(drawn.sum(axis=0), 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("hip-hop", "hip hop"), ("HipHop", "hip hop"), ("lofi", "lo-fi hip hop"), ("R&B", "r&b"),
     ("drum_and_bass", "drum and bass"), ("DnB", "drum and bass"), ("Synthwave", "synthwave")],
)  # fmt: skip
def test_spellings_mean_one_genre(written, meant):
    assert known_genre(written) == meant


def test_an_unknown_genre_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown genre 'tecno'; did you mean 'techno'"):
        GenreStream.Values(names=["tecno"])


def test_recall_draws_what_parse_draws():
    parsed = STREAM.parse(GenreStream.Values(names=["house", "funk"]), GRID)
    recalled = STREAM.recall({"genre": ["house", "funk"]}, GRID)
    np.testing.assert_array_equal(parsed["genre"], recalled["genre"])
    assert STREAM.fields(recalled, GRID) == {"genre": ["house", "funk"]}


def test_an_unknown_genre_in_a_record_names_the_track():
    with pytest.raises(DatasetError, match=r"a.wav: genre: unknown genre 'xyzzy'"):
        STREAM.recall({"audio_path": "a.wav", "genre": ["xyzzy"]}, GRID)
