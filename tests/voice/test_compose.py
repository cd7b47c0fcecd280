"""Melodies for words that have none: in range, in key, on the chords, the same each time."""

from itertools import pairwise

import pytest

from muze.analysis.phonemes import read_ipa
from muze.core.grid import Metre
from muze.core.theory import Chord, Key
from muze.voice.compose import Harmony, compose_line, voice_range
from muze.voice.laid import SHORTEST, MisfitError
from muze.voice.rhythm import BREATH, line_rhythm, weight
from muze.voice.syllables import Syllable

FOUR = Metre()
C_MAJOR = Key.parse("C major")


def seconds(beat):
    return beat / 2


def line(stresses):
    return [Syllable(read_ipa("la"), i, True, 1, s) for i, s in enumerate(stresses)]


def melody(about="verse 0", seed=1, chord="C", spans=None):
    spans = spans or line_rhythm(line([1, 0, 1, 0, 1, 0, 1]), 0, 8, FOUR, seconds)
    harmony = Harmony(C_MAJOR, lambda _: Chord.parse(chord), FOUR)
    return compose_line(spans, harmony, 57, 69, about, seed, False)


def test_stressed_syllables_come_on_beats():
    spans = line_rhythm(line([1, 0, 1, 0, 0, 1]), 8, 16, FOUR, seconds)
    on_beat = [abs(span.start - round(span.start)) < 1e-6 for span in spans]
    assert [on_beat[index] for index in (0, 2, 5)] == [True] * 3
    assert spans[0].start == 8


def test_a_line_leaves_time_to_breathe():
    for count in (3, 8, 14):
        spans = line_rhythm(line([1, 0] * (count // 2) + [1] * (count % 2)), 0, 8, FOUR, seconds)
        assert seconds(8) - seconds(spans[-1].start + spans[-1].length) >= BREATH - 1e-6
        ends = [span.start + span.length for span in spans]
        assert all(end <= after.start + 1e-9 for end, after in zip(ends, spans[1:], strict=False))


def test_syllables_that_would_be_too_short_are_told():
    with pytest.raises(MisfitError, match=r"has 30 syllables, too many for its 4 beats \(2 s\), w"):
        line_rhythm(line([1] * 30), 0, 4, FOUR, seconds)
    short = line_rhythm(line([1] * 12), 0, 4, FOUR, seconds)
    assert min(span.length for span in short) / 2 >= SHORTEST - 1e-9


@pytest.mark.parametrize(
    ("metre", "beat", "strong"),
    [("4/4", 4, 1), ("4/4", 2, 0.75), ("4/4", 1, 0.5), ("4/4", 0.5, 0.2), ("4/4", 0.25, 0),
     ("3/4", 3, 1), ("3/4", 2, 0.5), ("6/8", 1 / 3, 0), ("6/8", 1, 0.75)],
)  # fmt: skip
def test_beats_have_their_weight(metre, beat, strong):
    assert weight(beat, Metre.parse(metre)) == strong


def test_a_melody_is_in_range_in_key_and_on_its_chord_on_strong_beats():
    notes = melody()
    assert all(57 <= note.pitch <= 69 for note in notes)
    assert {note.pitch % 12 for note in notes} <= set(C_MAJOR.scale)
    for note in notes:
        if note.start % 2 == 0:
            assert note.pitch % 12 in (0, 4, 7)
    steps = [abs(a.pitch - b.pitch) for a, b in pairwise(notes)]
    assert max(steps) <= 7


def test_a_melody_is_the_seed_s():
    assert melody() == melody()
    other = [melody(seed=seed) for seed in range(2, 8)]
    assert any(found != melody() for found in other)


def test_lines_in_the_same_place_of_their_section_are_alike():
    first = melody("chorus 0")
    spans = line_rhythm(line([1, 0, 1, 0, 1, 0, 1]), 32, 40, FOUR, seconds)
    again = melody("chorus 0", spans=spans)
    assert [n.pitch for n in again] == [n.pitch for n in first]
    assert [n.start - 32 for n in again] == [n.start for n in first]


def test_a_chord_outside_the_key_is_followed():
    notes = melody(chord="Ab")
    strong = [note.pitch % 12 for note in notes if note.start % 4 == 0]
    assert set(strong) <= {8, 0, 3}


def test_a_voice_sings_mostly_above_where_it_speaks():
    assert voice_range(60.3) == (58, 70)
    assert voice_range(40.0) == (45, 57)
