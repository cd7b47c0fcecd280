import json
from importlib.util import find_spec

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from muze.analysis.piano_roll import NUM_KEYS, PlayedNote, draw_roll, read_roll
from muze.core.errors import DatasetError, ManifestError
from muze.core.grid import TimeGrid
from muze.core.instruments import PARTS
from muze.plugins.streams.midi import MidiStream
from muze.testing import stream_checks

STREAM = MidiStream(MidiStream.Config())
GRID = TimeGrid.of_song(8.0, 120.0)
SONG = {"piano": "C4+E4:2 F4:1 F4:1", "bass": "C2:4"}


@pytest.mark.skipif(find_spec("basic_pitch") is None, reason="needs basic-pitch")
@stream_checks("midi")
def test_midi_conforms(check):
    check()


def parse(notes, grid=GRID):
    return STREAM.parse(MidiStream.Values(notes=notes), grid)


def keys(part):
    return slice(list(PARTS).index(part) * NUM_KEYS, (list(PARTS).index(part) + 1) * NUM_KEYS)


def test_each_part_has_a_keyboard():
    drawn = parse(SONG)
    chords, bass = drawn["roll"][keys("chords")], drawn["roll"][keys("bass")]
    assert np.flatnonzero(chords[:, 50]).tolist() == [60 - 21, 64 - 21]
    assert np.flatnonzero(chords[:, 120]).tolist() == [65 - 21]
    assert np.flatnonzero(bass.any(axis=1)).tolist() == [36 - 21]
    assert bass[36 - 21, :200].all()
    assert not drawn["roll"][keys("lead")].any()
    assert np.flatnonzero(drawn["struck"][65 - 21]).tolist() == [100, 150]
    assert drawn["present"].tolist() == [1.0] * 200 + [0.0] * 600


def test_notes_alone_are_played_by_whatever_plays():
    drawn = parse("C4:1 E4:1")
    assert drawn["roll"][keys("any")].any()
    assert drawn["roll"].any(axis=1).sum() == 2


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ({"violn": "C4"}, "unknown instrument 'violn'; did you mean 'violin'?"),
        ({"drums": "C2"}, "drums are a stream of their own"),
        ({"piano": "C4:1 H4:1"}, "'H4:1', number 2 in the notes"),
        ({"piano": "C9"}, "C9, 0 beats in, lies outside A0 to C8"),
        ({}, "at least 1 item"),
        ("", "holds no notes"),
    ],
)
def test_what_nothing_plays_is_told(notes, told):
    with pytest.raises(ValidationError) as fault:
        MidiStream.Values(notes=notes)
    assert told in str(fault.value)


@st.composite
def played(draw):
    """Notes of whole frames, one at a time on each key."""
    notes = []
    for key in draw(st.lists(st.integers(21, 108), max_size=4, unique=True)):
        program, at = draw(st.sampled_from(list(PARTS.values()))), 0
        for gap, length in draw(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30)))):
            first, at = at + gap, at + gap + length
            if at <= 200:
                notes.append(PlayedNote(key, first / 100, at / 100, program, 0.5))
    return notes


@settings(max_examples=40, deadline=None)
@given(played())
def test_a_roll_reads_back(notes):
    grid = TimeGrid.of_song(2.0)
    again = read_roll(draw_roll(notes, grid), grid)
    assert len(again) == len(notes)
    for ours, theirs in zip(again, sorted(notes, key=lambda n: (n.start, n.pitch)), strict=True):
        assert (ours.pitch, ours.program) == (theirs.pitch, theirs.program)
        assert (ours.start, ours.end) == pytest.approx((theirs.start, theirs.end))


def test_recall_reads_what_fields_wrote_and_groups_by_part():
    drawn = parse(SONG)
    record = json.loads(json.dumps(STREAM.fields(drawn, GRID)))
    assert record["notes"][0] == {
        "pitch": 36, "start": 0.0, "end": 2.0, "program": 33, "velocity": 0.75,
    }  # fmt: skip
    recalled = STREAM.recall(record, GRID)
    for name in ("roll", "struck"):
        np.testing.assert_array_equal(recalled[name], drawn[name])
    assert STREAM.recall({}, GRID) is None
    bare = STREAM.recall({"notes": [{"pitch": 60, "start": 0, "end": 1, "program": 40}]}, GRID)
    assert bare["roll"][keys("lead")].any()
    with pytest.raises(DatasetError, match="notes: one has no end"):
        STREAM.recall({"notes": [{"pitch": 60, "start": 0}]}, GRID)
    with pytest.raises(DatasetError, match="pitch 3 lies outside 21 to 108"):
        STREAM.recall({"notes": [{"pitch": 3, "start": 0, "end": 1}]}, GRID)


def test_noises_of_a_record_are_left_out_and_programs_there_are_none_of_told():
    notes = [{"pitch": 60, "start": 0, "end": 1, "program": program} for program in (40, 118, 127)]
    both, one = (STREAM.recall({"notes": n}, GRID) for n in (notes, notes[:1]))
    np.testing.assert_array_equal(both["roll"], one["roll"])
    for program in (128, -1, "violin", 3.5):
        record = {"audio_path": "a.wav", "notes": [{**notes[0], "program": program}]}
        with pytest.raises(DatasetError, match=r"a\.wav: notes: "):
            STREAM.recall(record, GRID)


def test_a_note_that_began_before_a_window_sounds_in_it_unstruck():
    record = {"notes": [{"pitch": 60, "start": 0.5, "end": 2.0, "program": 0}]}
    window = STREAM.recall(record, GRID.window(100, 200))
    assert window["roll"][60 - 21, :100].all()
    assert not window["roll"][60 - 21, 100:].any()
    assert not window["struck"].any()


def test_onsets_are_scored_whatever_plays_them():
    asked = parse(SONG)
    score, moments = STREAM.score(asked, parse("C2+C4+E4:2 F4:1 F4:1"), GRID)
    assert (score.name, score.value) == ("note onset F1", 1.0)
    assert (moments.name, moments.value) == ("onset F1", 1.0)
    _, moments = STREAM.score(asked, parse("G5:2 F4:1 G5:1"), GRID)
    assert moments.value == 1  # whichever key
    _, moments = STREAM.score(asked, parse("G5:1 G5:3"), GRID)
    assert moments.value == pytest.approx(2 * 1 / (3 + 2))
    score, _ = STREAM.score(asked, parse("C2+C4+E4:2 F4:2"), GRID)
    assert score.value == pytest.approx(2 * 4 / (5 + 4))
    score, _ = STREAM.score(asked, parse("R:4 G5:4"), GRID)
    assert score.value == 0  # and what is played after the end counts for nothing
    score, _ = STREAM.score(asked, parse("C2+C4+E4:2 F4:1 F4:1 G5:4"), GRID)
    assert score.value == 1


def test_a_file_is_read_without_its_drums(tmp_path):
    file = mido.MidiFile(ticks_per_beat=480)
    for channel, pitch in ((0, 60), (9, 36)):
        track = mido.MidiTrack()
        track.append(mido.Message("program_change", channel=channel, program=40))
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=127))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=960))
        file.tracks.append(track)
    file.save(tmp_path / "song.mid")
    drawn = STREAM.read(tmp_path / "song.mid", GRID)
    assert drawn["roll"][keys("lead")][60 - 21, :100].tolist() == [1.0] * 100
    assert drawn["roll"].any(axis=1).sum() == 1
    file.tracks[0][1] = mido.Message("note_on", note=120, velocity=1)
    file.tracks[0][2] = mido.Message("note_off", note=120, time=960)
    file.save(tmp_path / "high.mid")
    with pytest.raises(ManifestError, match=r"high.mid: C9, 0 beats in, lies outside A0 to C8"):
        STREAM.read(tmp_path / "high.mid", GRID)
