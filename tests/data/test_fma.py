import csv

import pytest

from muze.core.errors import DatasetError
from muze.data.tables import read_table

HEADS = [
    ("", ""), ("album", "date_released"), ("album", "title"), ("artist", "bio"), ("artist", "name"),
    ("set", "subset"), ("track", "date_created"), ("track", "date_recorded"),
    ("track", "genre_top"), ("track", "genres"), ("track", "genres_all"), ("track", "license"),
    ("track", "title"),
]  # fmt: skip
TRACK = {
    ("", ""): "2", ("album", "date_released"): "2009-01-05 00:00:00", ("album", "title"): "AWOL",
    ("artist", "bio"): 'A <b>life</b>,\n"quoted"' + "x" * 200_000, ("artist", "name"): "AWOL",
    ("set", "subset"): "small", ("track", "date_created"): "2008-11-26 01:48:12",
    ("track", "date_recorded"): "2008-11-26 00:00:00", ("track", "genre_top"): "Hip-Hop",
    ("track", "genres"): "[21]", ("track", "genres_all"): "[21, 17, 27]",
    ("track", "license"): "Attribution", ("track", "title"): "Food",
}  # fmt: skip
GENRES = (
    "genre_id,#tracks,parent,title,top_level\n21,1,0,Hip-Hop,21\n17,1,0,Folk,17\n27,1,12,Lo-Fi,12\n"
)


@pytest.fixture
def fma(tmp_path):
    def write(*tracks, genres=GENRES, third=True):
        path = tmp_path / "tracks.csv"
        with path.open("w", newline="") as file:
            rows = [[head for head, _ in HEADS], [head for _, head in HEADS]]
            rows += [["track_id", *[""] * (len(HEADS) - 1)]] * third
            rows += [[{**TRACK, **track}[head] for head in HEADS] for track in tracks]
            csv.writer(file).writerows(rows)
        if genres is not None:
            (tmp_path / "genres.csv").write_text(genres)
        return path

    return write


FILE = "000/000002.mp3"


@pytest.mark.parametrize("third", [True, False])
def test_a_track_of_fma_is_told(fma, tmp_path, third):
    told = read_table(fma({}, third=third), tmp_path, [FILE])
    assert told.kind == "fma"
    found, provenance = told.rows[FILE]
    assert found == {
        "title": "Food", "artist": "AWOL", "album": "AWOL", "date": "2008-11-26",
        "genre": ["hip hop", "folk"],
        "tags": {"license": "Attribution", "fma_genres": "Hip-Hop, Folk, Lo-Fi"},
    }  # fmt: skip
    assert provenance["genre"] == {"backend": "tracks.csv", "version": "fma"}
    assert told.notes == []


def test_the_files_of_tracks_are_numbered(fma, tmp_path):
    path = fma({("", ""): "2"}, {("", ""): "155320"}, {("", ""): "7"})
    told = read_table(path, tmp_path, ["fma/155/155320.mp3", "000002.mp3"])
    assert set(told.rows) == {"fma/155/155320.mp3", "000002.mp3"}
    assert "1 of 3 rows have no file" in told.notes[0]
    assert "'000/000007.mp3'" in told.notes[0]


def test_what_a_track_lacks_is_left_out(fma, tmp_path):
    empty = dict.fromkeys(HEADS[1:], "") | {("track", "genres_all"): "[]"}
    told = read_table(fma(empty), tmp_path, [FILE])
    assert told.rows[FILE] == ({}, {})


def test_without_the_table_of_genres_the_main_one_is_told(fma, tmp_path):
    told = read_table(fma({}, {("", ""): "3"}, genres=None), tmp_path, [FILE])
    assert told.rows[FILE][0]["genre"] == ["hip hop"]
    assert any("there is no genres.csv beside it (in 2 rows)" in note for note in told.notes)


def test_a_release_dates_what_no_recording_does(fma, tmp_path):
    told = read_table(fma({("track", "date_recorded"): ""}), tmp_path, [FILE])
    assert told.rows[FILE][0]["date"] == "2009-01-05"


@pytest.mark.parametrize(
    ("track", "genres", "told"),
    [({("", ""): "x"}, GENRES, r"tracks.csv:4: track_id: 'x' is no number"),
     ({("track", "genres_all"): "[99]"}, GENRES, r"tracks.csv:4: genres_all: '\[99\]'"),
     ({("track", "genres_all"): "Rock"}, GENRES, r"tracks.csv:4: genres_all: 'Rock'"),
     ({}, "genre_id,name\n1,x\n", "genres.csv: should have columns genre_id and title"),
     ({}, "genre_id,title\nx,x\n", "genres.csv: should have columns genre_id and title")],
)  # fmt: skip
def test_what_is_wrong_in_fma_is_told(fma, tmp_path, track, genres, told):
    with pytest.raises(DatasetError, match=told):
        read_table(fma(track, genres=genres), tmp_path, [FILE])
