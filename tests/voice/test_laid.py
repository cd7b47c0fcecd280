"""A told melody goes to lines and syllables: melismas, splits, and what does not fit."""

from itertools import pairwise

import pytest

from muze.analysis.phonemes import read_ipa
from muze.core.notes import parse_notes
from muze.voice.laid import SHORTEST, MisfitError, lay, share_out, split
from muze.voice.syllables import Syllable


def seconds(beat):
    return beat / 2  # 120 bpm


def words(*told):
    return [Syllable(read_ipa(ipa), i, True, 1, stress) for i, (ipa, stress) in enumerate(told)]


def notes(text):
    return parse_notes(text).notes


def pitches(laid):
    return [[note.pitch for note in part] for part in laid]


def test_as_many_notes_as_syllables_are_one_each():
    assert pitches(lay(notes("C4:1 D4:1 E4:1"), words(("la", 1), ("le", 0), ("lo", 1)), seconds)) \
        == [[60], [62], [64]]  # fmt: skip


def test_more_notes_are_held_on_the_stressed_syllable():
    laid = lay(notes("C4:1 D4:1/2 E4:1/2 C4:1"), words(("la", 0), ("le", 1), ("lo", 0)), seconds)
    assert pitches(laid) == [[60], [62, 64], [60]]


def test_no_melisma_goes_over_a_rest():
    told = notes("C4:1 D4:1/2 R:1 E4:1/2 C4:1")
    laid = lay(told, words(("la", 0), ("le", 1), ("lo", 0)), seconds)
    assert [note for part in laid for note in part] == list(told)
    for part in laid:
        for before, after in pairwise(part):
            assert after.start - before.end < 1e-9


def test_more_syllables_split_the_longest_notes_at_beats():
    laid = lay(notes("C4:1 D4:2"), words(("la", 1), ("le", 1), ("lo", 1)), seconds)
    assert [(n.pitch, n.start, n.length) for part in laid for n in part] == [
        (60, 0, 1), (62, 1, 1), (62, 2, 1)]  # fmt: skip


def test_no_part_of_a_note_is_shorter_than_a_syllable_can_be():
    parts = split(notes("C4:1"), 99, seconds)
    assert 2 <= len(parts) < 99
    assert min(note.length for note in parts) / 2 >= SHORTEST - 1e-9
    assert sum(note.length for note in parts) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "count", "told"),
    [
        ("C4:1/4 D4:1/4", 3, "has 3 syllables, too many for the 2 notes of the melody there; split "
         "into notes of 0.12 s they take 2"),
        ("(C4:1)x20", 2, "has 2 syllables, too few for the 20 notes of the melody there; a "
         "syllable is sung on 6 notes at most"),
        ("(C4:1)x7", 1, "has 1 syllable, too few for the 7 notes of the melody there; a syllable "
         "is sung on 6 notes at most"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_the_numbers(text, count, told):
    with pytest.raises(MisfitError) as fault:
        lay(notes(text), words(*[("la", 1)] * count), seconds)
    assert str(fault.value) == told


def test_lines_end_at_rests():
    told = notes("C4:1 D4:1 E4:1 F4:1 R:1 G4:1 A4:1 B4:1 R:1")
    first, second = share_out(told, [4, 3])
    assert [len(first), len(second)] == [4, 3]
    # a note more than syllables before the rest: a melisma, not a line torn apart
    first, second = share_out(told, [3, 3])
    assert [len(first), len(second)] == [4, 3]


def test_every_note_goes_to_a_line():
    told = notes("(C4:1)x60")
    shares = share_out(told, [2, 2, 2])
    assert [note for part in shares for note in part] == list(told)
