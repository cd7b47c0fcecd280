import pytest

from muze.pipelines.styles import STYLES, style_of
from muze.pipelines.words import asked_bpm, asked_key, asked_metre, named_genres


@pytest.mark.parametrize(
    ("prompt", "bpm", "key", "metre"),
    [
        ("techno at 132 BPM in F sharp minor", 132, "F# minor", None),
        ("a song in Bb major, 92.5bpm, 6/8", 92.5, "A# major", "6/8"),
        ("slow waltz", None, None, "3/4"),
        ("a minor detail, 4/4 beat", None, None, "4/4"),
        ("in D-flat dorian", None, "C# dorian", None),
        ("a 24/7 radio", None, None, None),
        ("recorded on 1/4 inch tape, 1/2 speed groove", None, None, None),
        ("3/4 inch tape, a 4/4 cello", None, None, None),
        ("a 3/4 view of the sea", None, None, None),
        ("3/4, lazy", None, None, "3/4"),
        ("folk in 3/4", None, None, "3/4"),
        ("a 3/4-time lullaby of 7/8 bars", None, None, "3/4"),
        ("slow 6/8 ballad", None, None, "6/8"),
        ("4/4 in C major", None, "C major", "4/4"),
        ("A major anthem for stadiums", None, None, None),
        ("A minor worry, in C major", None, "C major", None),
        ("synthwave, A minor, 6/8", None, "A minor", "6/8"),
        ("house in the key of A major", None, "A major", None),
        ("Eb minor ballad", None, "D# minor", None),
        ("made in 2024", None, None, None),
        ("slow blues in A Minor", None, "A minor", None),
        ("piano in c minor", None, "C minor", None),
        ("in the key of e minor with strings", None, "E minor", None),
        ("in f# MAJOR, bright", None, "F# major", None),
        ("in B-flat minor", None, "A# minor", None),
        ("jazz in b-flat Minor", None, "A# minor", None),
        ("a march in Bb", None, "A# major", None),
        ("a reel in G at 110 bpm", 110, "G major", None),
        ("in the key of g", None, "G major", None),
        ("strings, d minor, slow", None, "D minor", None),
        ("a ballad in a minor", None, "A minor", None),
        ("in a minor, 6/8", None, "A minor", "6/8"),
        ("the key of a minor mode", None, "A minor", None),
        ("in a major key", None, None, None),
        ("in a minor mood", None, None, None),
        ("a minor key", None, None, None),
        ("A Minor worry", None, None, None),
        ("sung in A Cappella style, in E flats", None, None, None),
        ("plan b minor edits", None, None, None),
        ("not a waltz", None, None, None),
        ("not in C major but D minor", None, "D minor", None),
        ("not 120 bpm, 90 bpm", 90, None, None),
        ("avoid 6/8, in 3/4", None, None, "3/4"),
        ("not in 5/4, calm piano", None, None, None),
        ("not in the key of C major", None, None, None),
        ("in Bb for strings", None, "A# major", None),
        ("in G (no drums)", None, "G major", None),
        ("in D - slow", None, "D major", None),
        ("in G and 6/8", None, "G major", "6/8"),
        ("Lost In A Minor Mood", None, None, None),
    ],
)
def test_what_a_prompt_names_outright_is_heard(prompt, bpm, key, metre):
    assert (asked_bpm(prompt), asked_key(prompt), asked_metre(prompt)) == (bpm, key, metre)


@pytest.mark.parametrize(
    ("prompt", "genres"),
    [
        ("calm piano, not jazz", []),
        ("no drums or rock", []),
        ("pop without techno", ["pop"]),
        ("anything but pop", []),
        ("no techno, house or trance, slow", []),
        ("not too much lo-fi hip hop", ["lo-fi hip hop"]),
        ("no dreamy lo-fi hip hop", []),
        ("not jazz but rock", ["rock"]),
        ("no vocals, jazz", ["jazz"]),
        ("no drums, heavy metal", ["metal"]),
        ("not only rock", ["rock"]),
        ("no-frills rock", ["rock"]),
        ("nothing but jazz", ["jazz"]),
        ("a house by the sea", []),
        ("a small house near the river, folk", ["folk"]),
        ("a country house, jazz", ["jazz"]),
        ("no vocals over a jazz beat", ["jazz"]),
        ("no vocals and a jazz feel", ["jazz"]),
        ("no drums for this jazz ballad", ["jazz", "ballad"]),
        ("isn’t jazz", []),
        ("I don't want jazz", []),
        ("never jazz, folk", ["folk"]),
        ("a warm house at a steady 124 bpm", ["house"]),
        ("a slow soul on a bed of strings", ["soul"]),
        ("a hard rock in a classic style", ["rock"]),
        ("swing by the house band", []),
        ("the metal door slams", []),
        ("country roads at dusk", []),
        ("a rock song in the rain", ["rock"]),
        ("a classic rock in the style of the seventies", ["rock"]),
        ("house in the club", ["house"]),
        ("a fast house with strings", ["house"]),
        ("the blues, country and rock", ["blues", "country", "rock"]),
    ],
)
def test_a_genre_is_taken_where_it_is_meant(prompt, genres):
    assert named_genres(prompt, lambda name: name if name in STYLES else None) == genres
    assert style_of(prompt, []) is style_of(" ".join(genres), [])


def test_a_prompt_of_any_length_is_read_at_once():
    prompt = "no a, a, in a " * 20_000
    assert (asked_key(prompt), asked_metre(prompt), asked_bpm(prompt)) == (None, None, None)
