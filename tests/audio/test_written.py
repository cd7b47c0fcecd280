import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.audio.written import genres_known, key_known, language_known
from muze.core.genres import GENRES
from muze.core.theory import Key


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Rock", ["rock"]), ("Hip-Hop", ["hip hop"]), ("Electronic/Dance", ["electronic"]),
        ("(17)Rock", ["rock"]), ("(17)", ["rock"]), ("17", ["rock"]), ("7", ["hip hop"]),
        ("(8)(5)", ["jazz", "funk"]), ("R&B", ["r&b"]), ("R & B", ["r&b"]),
        ("Soul-RnB", ["soul", "r&b"]), ("Drum & Bass", ["drum and bass"]),
        ("Drum'n'Bass", ["drum and bass"]), ("Death Metal", ["metal"]),
        ("Jazz+Funk", ["jazz", "funk"]),
        ("rock; pop;Rock", ["rock", "pop"]), ("Alternative Hip-Hop", ["hip hop"]),
        ("Latin Jazz", ["latin", "jazz"]), ("Reggae - Dub", ["reggae"]), ("Jazz: Vocal", ["jazz"]),
        ("Folk-Rock", ["folk", "rock"]), ("Baroque Pop", ["pop"]), ("Garage Rock", ["rock"]),
        ("Garage", ["garage"]), ("Lo-Fi", []), ("Lo-Fi Hip Hop", ["lo-fi hip hop"]),
        ("New Romantic", []), ("Romantic", ["classical"]), ("Indie-Rock", ["indie"]),
        ("Neoclassical", []), ("Podcast", []), ("Other", []), ("", []), ("255", []), ("(", []),
        ("Polka", []), ("Électro", []), ("90", []), ("Symphony", ["classical"]),
    ],
)  # fmt: skip
def test_written_genres_mean_known_ones(written, meant):
    assert genres_known([written]) == meant


def test_several_written_genres_give_each_once():
    assert genres_known(["Techno", "House/Techno", "??"]) == ["techno", "house"]


@given(st.lists(st.text(max_size=30), max_size=3))
def test_whatever_is_written_only_known_genres_come_back(written):
    found = genres_known(written)
    assert set(found) <= set(GENRES)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_means_itself(genre):
    assert genres_known([genre]) == [genre]
    assert genres_known([genre.title()]) == [genre]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("A minor", "A minor"), ("Am", "A minor"), ("F#m", "F# minor"), ("Bb", "A# major"),
        ("F#min", "F# minor"), ("C maj", "C major"), ("Ebmaj", "D# major"),
        ("D dorian", "D dorian"),
        ("am", "A minor"), ("c", "C major"), ("E♭ minor", "D# minor"), ("A-minor", "A minor"),
        ("8A", "A minor"), ("8B", "C major"), ("1A", "G# minor"), ("12B", "E major"),
        ("9b", "G major"), ("1d", "C major"), ("1m", "A minor"), ("2d", "G major"),
        ("o", None), ("", None), ("13A", None), ("Am7", None), ("N", None), ("C/E", None),
        ("all keys", None), ("H", None),
    ],
)  # fmt: skip
def test_written_keys_mean_known_ones(written, meant):
    found = key_known(written)
    assert (None if found is None else str(found)) == meant


@given(st.text(max_size=12))
def test_whatever_is_written_is_a_key_or_none(written):
    assert isinstance(key_known(written), Key | None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("en", "en"), ("EN", "en"), ("eng", "en"), ("English", "en"), ("en-GB", "en"), ("ger", "de"),
     ("deu", "de"), ("pt_BR", "pt"), ("sw", "sw"), ("und", None), ("", None), ("Klingon", None)],
)  # fmt: skip
def test_written_languages_mean_their_codes(written, meant):
    assert language_known(written) == meant
