import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.instruments import PROGRAMS, part_of, program_of
from muze.core.notes import (
    FORM,
    Line,
    Note,
    check_range,
    format_notes,
    one_voice,
    parse_notes,
    parse_pitch,
    pitch_name,
)

LENGTHS = st.fractions(Fraction(1, 64), 16, max_denominator=96)
CHORDS = st.lists(st.integers(0, 127), max_size=4, unique=True).map(tuple)  # none: a rest


@st.composite
def lines(draw):
    notes, beat = [], Fraction(0)
    for pitches, length in draw(st.lists(st.tuples(CHORDS, LENGTHS), min_size=1, max_size=20)):
        notes += [Note(pitch, float(beat), float(length)) for pitch in pitches]
        beat += length
    return Line(tuple(notes), float(beat))


@given(lines())
def test_what_is_written_reads_back(line):
    again = parse_notes(format_notes(line))
    assert [note.pitch for note in again.notes] == [note.pitch for note in line.notes]
    for ours, theirs in zip(again.notes, line.notes, strict=True):
        assert ours.start == pytest.approx(theirs.start, abs=1e-9)
        assert ours.length == pytest.approx(theirs.length, abs=1e-9)
    assert again.beats == pytest.approx(line.beats, abs=1e-9)


@given(st.text(alphabet="ABCDEFGHR#b0123456789:/.+-|()x \n", max_size=30))
def test_any_text_is_read_or_its_token_named(text):
    told = ""
    try:
        assert parse_notes(text).beats > 0
    except ValueError as fault:
        told = str(fault)
    assert not told or re.search("number|holds no notes|never closed", told)


@given(st.integers(0, 127))
def test_a_pitch_has_a_name(pitch):
    assert parse_pitch(pitch_name(pitch)) == pitch


def test_a_line_of_notes():
    line = parse_notes("C4:1 E4:1/2 R:.5 | Bb3:1.5 G4 C4+E4:2 R:1")
    assert [(n.pitch, n.start, n.length) for n in line.notes] == [
        (60, 0, 1), (64, 1, 0.5), (58, 2, 1.5), (67, 3.5, 1), (60, 4.5, 2), (64, 4.5, 2),
    ]  # fmt: skip
    assert line.beats == 7.5
    assert format_notes(line) == "C4:1 E4:1/2 R:1/2 A#3:3/2 G4:1 C4+E4:2 R:1"


def test_accidentals_and_octaves():
    names = ("A4", "A#4", "Bb4", "Cb4", "B#3", "F##2", "Bbb3", "C-1", "G9")
    assert [parse_pitch(n) for n in names] == [69, 70, 70, 59, 60, 43, 57, 0, 127]


def test_a_repeat_is_played_so_often():
    assert parse_notes("(C4:1/3 E4:2/3)x3 G4") == parse_notes(
        "C4:1/3 E4:2/3 C4:1/3 E4:2/3 C4:1/3 E4:2/3 G4:1"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no notes; write notes like C4:1"),
        ("C4:1 H4:1", "'H4:1', number 2 in the notes: 'H4' is no note; write notes like C4:1"),
        ("c4", "did you mean 'C4'?"),
        ("r:1", "did you mean the rest 'R'?"),
        ("C4:1 C:1", "'C' lacks its octave"),
        ("C4:1/0", "'1/0' is no length in beats"),
        ("C4:x", "'x' is no length in beats"),
        ("C4:2000", "lasts 1/64 to 1024 beats, not 2000"),
        ("C10", "C10 is no note of MIDI, which has C-1 to G9"),
        ("C4+C4", "the same note is there twice"),
        ("((C4))", "'(', number 2 in the notes: one repeat cannot lie inside another"),
        ("C4)x2", "write a repeat like (C4:1 E4:1)x3"),
        ("(C4)x999", "a repeat is played 1 to 256 times"),
        ("(C4:1 E4:1", "a ( is never closed"),
        ("(C4 " + "C4 " * 999 + ")x256", "more than 100000 notes"),
    ],
)
def test_a_fault_names_its_token_and_what_would_be_right(text, told):
    with pytest.raises(ValueError, match=re.escape(told)) as fault:
        parse_notes(text)
    assert "\n" not in str(fault.value)


def test_all_faults_of_a_line_are_told_at_once_and_how_it_is_written_once():
    with pytest.raises(ValueError, match="H4") as fault:
        parse_notes("C4:1 H4:1 c5 | (E4:9999 C4+C4)x0 J2")
    assert str(fault.value) == (
        "'H4:1', number 2 in the notes: 'H4' is no note; "
        "'c5', number 3 in the notes: 'c5' is no note; did you mean 'C5'?; "
        "'E4:9999', number 6 in the notes: a note lasts 1/64 to 1024 beats, not 9999; "
        "'C4+C4', number 7 in the notes: the same note is there twice; "
        "')x0', number 8 in the notes: a repeat is played 1 to 256 times; "
        f"'J2', number 9 in the notes: 'J2' is no note; {FORM}"
    )
    with pytest.raises(ValueError, match=r"H4', number 8 in the notes: .*; and 12 more$"):
        parse_notes("H4 " * 20)


def test_all_clashes_and_all_notes_out_of_range_are_told_at_once():
    with pytest.raises(ValueError, match="0 beats in; G4 and A4 sound together 1 beats in; a mel"):
        one_voice(parse_notes("C4+E4:1 G4+A4").notes)
    with pytest.raises(ValueError, match=r"C8, 1 beats in, .*; C0, 2 beats in, lies outside"):
        check_range(parse_notes("C4 C8 C0").notes, 24, 107)


def test_one_voice_sings_one_note_at_a_time():
    with pytest.raises(ValueError, match="C4 and E4 sound together 0 beats in"):
        one_voice(parse_notes("C4+E4:1").notes)
    assert len(one_voice(parse_notes("C4:1/64 E4:1/64 G4:1/48").notes)) == 3
    with pytest.raises(ValueError, match="C4 and E4 sound together"):
        one_voice([Note(60, 0, 1), Note(64, 1 / 64, 1)])
    legato = one_voice([Note(60, 0, 1.2), Note(62, 1, 1)])
    assert [note.length for note in legato] == [1, 1]
    with pytest.raises(ValueError, match="C4 and D4 sound together 1 beats in"):
        one_voice([Note(60, 0, 1.5), Note(62, 1, 1)])


def test_what_no_one_text_can_say_is_not_written():
    with pytest.raises(ValueError, match="overlap"):
        format_notes(Line((Note(60, 0, 2), Note(62, 1, 1)), 2))
    with pytest.raises(ValueError, match="between the keys"):
        format_notes(Line((Note(60.5, 0, 1),), 1))


def test_a_note_out_of_range_is_named():
    with pytest.raises(ValueError, match="C8, 1 beats in, lies outside C1 to B7"):
        check_range(parse_notes("C4 C8").notes, 24, 107)


def test_instruments_go_by_name():
    assert len(PROGRAMS) == 128
    names = ("Piano", "strings", "Lead 2 (sawtooth)", "electric_guitar", "Flute")
    assert [program_of(n) for n in names] == [0, 48, 81, 27, 73]
    parts = [part_of(program_of(n)) for n in ("piano", "slap bass 1", "violin", "choir", "harp")]
    assert parts == ["chords", "bass", "lead", "pads", "chords"]
    with pytest.raises(ValueError, match="unknown instrument 'violn'; did you mean 'violin'"):
        program_of("violn")
    with pytest.raises(ValueError, match="drums are a stream of their own"):
        program_of("drums")
    with pytest.raises(ValueError, match="program 118, synth drum, has no pitches"):
        part_of(118)
    for program in (-1, 128):
        with pytest.raises(ValueError, match=f"program {program} is none of General MIDI's"):
            part_of(program)
