import mido
import numpy as np
import pytest

from muze.analysis.melody_chroma import HOP_SECONDS, melody_chroma
from muze.core.errors import DatasetError
from muze.core.grid import Audio, SectionSpan, TimeGrid
from muze.plugins.streams.melody import MelodyStream
from muze.testing import sounds, stream_checks

STREAM = MelodyStream(MelodyStream.Config())
GRID = TimeGrid.of_song(8.0, 120.0)
SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


@stream_checks("melody")
def test_melody_conforms(check):
    check()


def drawn(notes, grid=GRID):
    return STREAM.parse(MelodyStream.Values(notes=notes), grid)


def classes(features):
    """The pitch class of each frame, -1 for none."""
    chroma = features["melody"]
    return np.where(chroma.any(axis=0), chroma.argmax(axis=0), -1)


def score(asked, heard):
    return {s.name: s.value for s in STREAM.score(asked, heard, GRID)}.get("melody chroma cosine")


def test_notes_are_drawn_from_the_first_beat_on():
    features = drawn("C4:1 R:1 A#5:1/2 D3")
    got = classes(features)
    assert got[:50].tolist() == [0] * 50
    assert (got[50:100] == -1).all()
    assert (got[100:125] == 10).all()
    assert (got[125:175] == 2).all()
    assert features["present"].tolist() == [1.0] * 175 + [0.0] * 625


def test_a_section_has_its_own_first_beat():
    sections = (SectionSpan("verse", 0.0, 2.507), SectionSpan("chorus", 2.507, 8.0))
    chorus = TimeGrid.of_song(8.0, 120.0, sections=sections).between(2.507, 8.0)
    assert chorus.start == pytest.approx(2.51)
    got = drawn("E4:1 F4:1", chorus)
    assert classes(got)[:100].tolist() == [4] * 50 + [5] * 50
    assert got["present"].sum() == 100


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ("C4:1 H4:1", "'H4:1', number 2 in the notes"),
        ("C4+E4:1", "C4 and E4 sound together"),
        ("", "holds no notes"),
    ],
)
def test_what_is_no_melody_is_refused(notes, told):
    with pytest.raises(ValueError, match=told):
        MelodyStream.Values(notes=notes)


def test_a_midi_file_is_read_as_its_notes_are_written(tmp_path):
    track = mido.MidiTrack()
    for pitch, after in ((60, 0), (64, 480)):  # C4:1 R:1 E4:1
        track.append(mido.Message("note_on", note=pitch, velocity=80, time=after))
        track.append(mido.Message("note_off", note=pitch, time=480))
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(tmp_path / "lead.mid")
    read, asked = STREAM.read(tmp_path / "lead.mid", GRID), drawn("C4:1 R:1 E4:1")
    np.testing.assert_array_equal(read["melody"], asked["melody"])
    np.testing.assert_array_equal(read["present"], asked["present"])


def test_a_melody_that_is_played_is_heard():
    heard = STREAM.extract(sounds.melody(SCALE, 1.0), GRID)
    asked = drawn("C4:2 D4:2 E4:2 F4:2 G4:2 A4:2 B4:2 C5:2")
    assert score(asked, heard) > 0.9
    # octaves count for nothing, semitones do
    assert score(drawn("C2:2 D7:2 E4:2 F4:2 G4:2 A4:2 B4:2 C3:2"), heard) > 0.9
    assert score(drawn("C#4:2 D#4:2 F4:2 F#4:2 G#4:2 A#4:2 C4:2 C#4:2"), heard) < 0.1


def test_hops_are_of_128_ms_with_their_centres_in_the_middle():
    audio = sounds.melody([60, 66], 1.28)
    assert melody_chroma(audio).tolist() == [0] * 10 + [6] * 10
    third = Audio(audio.samples[:, ::2], 16000)
    assert melody_chroma(third).tolist() == [0] * 10 + [6] * 10


def test_silence_is_none_and_rests_are():
    assert (melody_chroma(sounds.silence(1.0)) == -1).all()
    heard = STREAM.extract(sounds.silence(8.0), GRID)
    assert not heard["melody"].any()
    assert score(drawn("C4:16"), heard) == 0
    assert STREAM.score(drawn("R:16"), heard, GRID) == []


def test_only_asked_notes_are_scored_with_what_guessing_gets():
    asked = drawn("C4:4 R:4")  # and then nothing is asked
    heard = drawn("C4:2 D4:14")
    (only,) = STREAM.score(asked, heard, GRID)
    assert only.value == pytest.approx(0.5)
    assert only.floor == pytest.approx(0.083, abs=1e-3)


def test_a_record_holds_a_class_for_every_hop():
    features = drawn("C4:4 R:2 G4:2")  # 4 s
    told = STREAM.fields(features, GRID)["melody_chroma"]
    assert len(told) == np.ceil(8 / HOP_SECONDS)
    assert told[0] == 0
    assert told[18] == -1
    assert told[27] == 7
    assert told[40] is None
    again = STREAM.recall({"melody_chroma": told}, GRID)
    assert np.mean(classes(again) == classes(features)) > 0.95
    assert np.mean(again["present"] == features["present"]) > 0.98
    assert STREAM.recall({}, GRID) is None
    short = STREAM.recall({"melody_chroma": [5, 5]}, GRID)
    assert short["present"].sum() == 26


def test_a_broken_record_is_told():
    for broken in ([12], ["C"], [0.5], 3):
        with pytest.raises(DatasetError, match=r"a\.wav: melody_chroma: must hold -1 to 11"):
            STREAM.recall({"audio_path": "a.wav", "melody_chroma": broken}, GRID)
