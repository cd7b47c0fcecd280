import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.core.grid import TimeGrid
from muze.core.theory import Key
from muze.plugins.streams.key import KeyStream
from muze.testing import sounds

STREAM = KeyStream(KeyStream.Config())
GRID = TimeGrid.of_song(16.0)


def parse(text):
    return STREAM.parse(KeyStream.Values(value=text), GRID)


def test_a_mode_shares_the_index_of_its_third_and_keeps_its_scale():
    drawn = parse("D dorian")
    assert drawn["key"][:, 7].argmax() == Key.parse("D minor").index
    assert set(np.flatnonzero(drawn["scale"][:, 7])) == {2, 4, 5, 7, 9, 11, 0}


def test_a_key_is_echoed_in_one_spelling():
    assert KeyStream.Values(value="Bb").value == "A# major"


def test_no_key_is_refused():
    with pytest.raises(ValueError, match="H minor"):
        KeyStream.Values(value="H minor")


def test_recall_draws_what_parse_draws():
    for record in ({"key": "A minor", "key_index": 3}, {"key_index": 21}):
        recalled = STREAM.recall(record, GRID)
        for name, array in parse("A minor").items():
            np.testing.assert_array_equal(recalled[name], array)
    with pytest.raises(DatasetError, match=r"a.wav: key"):
        STREAM.recall({"audio_path": "a.wav", "key": "H"}, GRID)


@pytest.mark.parametrize(
    ("progression", "key"),
    [
        (["C", "F", "G", "C"], "C major"),
        (["Am", "Dm", "E", "Am"], "A minor"),
        (["F#", "B", "C#", "F#"], "F# major"),
        (["Gm", "Cm", "D7", "Gm"], "G minor"),
    ],
)
def test_the_key_of_cadences_is_heard(progression, key):
    heard = STREAM.extract(sounds.chords(progression * 2, 2.0), GRID)
    assert STREAM.fields(heard, GRID)["key"] == key


def test_relative_and_neighbouring_keys_get_part_of_the_score():
    def scores(asked, heard):
        return [s.value for s in STREAM.score(parse(asked), parse(heard), GRID)]

    assert scores("A minor", "A minor") == [1, 1, 1, 1]
    assert scores("A minor", "C major") == [0, 1, pytest.approx(0.3), 0]
    assert scores("A minor", "E minor") == [0, 0, pytest.approx(0.5), 0]
    assert scores("A minor", "F# major")[1::2] == [0, 1]  # what the released code takes for it
    assert scores("C major", "F# major") == [0, 0, 0, 0]
