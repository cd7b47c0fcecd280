"""A stream that reads a file itself takes it through ``from``, as it takes a recording."""

import mido
import numpy as np
import pytest

from muze.core.errors import AudioError
from muze.core.notes import FORM
from muze.pipelines.draw import draw
from muze.pipelines.plan import read_plan
from muze.report import SilentReport

SONG = "prompt: x\ntempo: 120\nduration: 4\nstructure: {sections: [{type: solo, seconds: 4}]}\n"


def midi(path, *pitches, together=0):
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack())
    for pitch in pitches:
        file.tracks[0].append(mido.Message("note_on", note=pitch, velocity=90))
        for other in range(together):
            file.tracks[0].append(mido.Message("note_on", note=pitch + 4 + other, velocity=90))
        file.tracks[0].append(mido.Message("note_off", note=pitch, time=480))
    file.save(path)


@pytest.fixture
def heard(registry):
    """Draw a plan's f0; return it, where it is present, and what was noted."""

    def heard(planned):
        notes, report = [], SilentReport()
        report.note = notes.append
        planned = planned.model_copy(update={"streams": {"f0": planned.streams["f0"]}})
        sections = [part.model_copy(update={"streams": {}}) for part in planned.sections]
        planned = planned.model_copy(update={"sections": tuple(sections)})
        features, present = draw(planned, registry, report)["f0"]
        return features["f0"][0], present, notes

    return heard


def test_a_score_is_planned_by_its_hash_and_drawn_in_the_song_s_beats(plan, heard, tmp_path):
    midi(tmp_path / "lead.mid", 69, 57)
    planned = plan(f"{SONG}streams:\n  f0: {{from: lead.mid}}\n")
    recording = planned.streams["f0"].recording
    assert recording.path == str(tmp_path / "lead.mid")
    assert len(recording.sha256) == 64
    (tmp_path / "song.plan.json").write_text(planned.to_json())
    hz, present, notes = heard(read_plan(tmp_path / "song.plan.json"))
    np.testing.assert_allclose(hz[:50], 440)
    np.testing.assert_allclose(hz[50:100], 220)
    assert present.tolist() == [frame < 100 for frame in range(400)]
    assert notes == ["lead.mid tells 1.0 s of 4.0 s; elsewhere the model decides f0"]


def test_a_score_that_changed_or_went_since_is_refused(plan, heard, tmp_path):
    midi(tmp_path / "lead.mid", 69)
    planned = plan(f"{SONG}streams: {{f0: {{from: lead.mid}}}}\n")
    midi(tmp_path / "lead.mid", 70)
    with pytest.raises(AudioError, match="is not the file that was planned"):
        heard(planned)
    (tmp_path / "lead.mid").unlink()
    with pytest.raises(AudioError, match="there is no such file"):
        heard(planned)


def test_a_fault_in_a_score_is_told_at_its_line(faults, tmp_path):
    midi(tmp_path / "chords.mid", 60, together=1)
    (told,) = faults("prompt: x\nstreams:\n  f0:\n    from: chords.mid\n")
    assert told.startswith("5: streams.f0.from: ")
    assert "chords.mid: C4 and E4 sound together 0 beats in" in told
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    (told,) = faults("prompt: x\nstreams:\n  midi:\n    from: broken.mid\n")
    assert told.startswith("5: streams.midi.from: ")
    assert "is no MIDI file that can be read" in told
    (told,) = faults("prompt: x\nstreams:\n  f0: {from: none.mid}\n")
    assert "there is no file" in told


@pytest.mark.parametrize("stream", ["f0", "melody", "midi"])
def test_a_score_longer_than_its_song_or_section_is_told(plan, faults, tmp_path, stream):
    midi(tmp_path / "long.mid", *range(60, 69))  # nine beats
    (told,) = faults(f"{SONG}streams: {{{stream}: {{from: long.mid}}}}\n")
    wrong = "from: long.mid lasts 9 beats, but the {} has {}; cut the file, or make room"
    assert told == f"6: streams.{stream}.{wrong.format('song', 8)}"
    verse = f"{{type: verse, seconds: 2, streams: {{{stream}: {{from: long.mid}}}}}}"
    sections = f"[{{type: solo, seconds: 4}}, {verse}]"
    (told,) = faults(f"prompt: x\ntempo: 120\nstructure: {{sections: {sections}}}\n")
    assert told.endswith(f"streams.{stream}.{wrong.format('section', 4)}")
    midi(tmp_path / "long.mid", *range(60, 68))
    file = mido.MidiFile(tmp_path / "long.mid")
    file.tracks[0].append(mido.MetaMessage("end_of_track", time=4800))
    file.save(tmp_path / "long.mid")  # with ten beats of rest
    assert stream in plan(f"{SONG}streams: {{{stream}: {{from: long.mid}}}}\n").streams


def test_a_score_is_not_measured_where_the_song_s_length_is_faulty(faults, tmp_path):
    midi(tmp_path / "long.mid", *range(60, 69))
    song = SONG.replace("duration: 4", "duration: 5")
    (told,) = faults(f"{song}streams: {{f0: {{from: long.mid}}}}")
    assert "duration: says 5 s" in told


def test_a_melody_s_fault_is_told_at_its_line(faults):
    (told,) = faults("prompt: x\nstreams:\n  f0: C4:1 H4:1\n")
    assert told.startswith("4: streams.f0: 'H4:1', number 2 in the notes: 'H4' is no note")
    (told,) = faults("prompt: x\nstreams:\n  midi:\n    notes:\n      violn: C4\n")
    assert "unknown instrument 'violn'; did you mean 'violin'?" in told
    (told,) = faults("prompt: x\nstreams:\n  f0:\n    hz: [220, 9000]\n")
    assert told.startswith("5: streams.f0.hz.1: must be from 31.77 to 4067 Hz")


def test_all_that_is_wrong_with_notes_and_words_is_told_at_once(faults):
    (told,) = faults("prompt: x\nstreams:\n  f0: C4+E4:1 C9:1\n")
    assert told == (
        "4: streams.f0: C4 and E4 sound together 0 beats in; a melody has one note at a time; "
        "C9, 1 beats in, lies outside C1 to B7"
    )
    assert faults(
        "prompt: x\nstreams:\n  midi:\n    notes:\n      violn: C4 H4\n      bass: X1 C2:0\n"
        "      drums: C2\n"
    ) == [
        "6: streams.midi.notes.violn: unknown instrument 'violn'; did you mean 'violin'?; "
        f"'H4', number 2 in the notes: 'H4' is no note; {FORM}",
        "7: streams.midi.notes.bass: 'X1', number 1 in the notes: 'X1' is no note; "
        f"{FORM}; 'C2:0', number 2 in the notes: a note lasts 1/64 to 1024 beats, not 0",
        "8: streams.midi.notes.drums: 'drums' has no pitches; drums are a stream of their own",
    ]
    (told,) = faults("prompt: x\nvoice: {lyrics: '[vrse] Rain [chrus] Sun'}\n")
    assert "unknown type 'vrse'; did you mean 'verse'?; unknown type 'chrus'" in told


def test_a_song_is_not_written_over_a_score(faults, tmp_path):
    midi(tmp_path / "song.wav", 69)
    (tmp_path / "lead.mid").hardlink_to(tmp_path / "song.wav")
    said = "prompt: x\nstreams: {f0: {from: lead.mid}}\noutput: {path: song.wav}\n"
    (told,) = faults(said)
    assert "is read here and would be written over" in told


def test_a_stream_that_only_reads_says_what(faults, registry, monkeypatch, tmp_path):
    monkeypatch.setattr(registry.get("stream", "f0"), "hears", False, raising=False)
    (tmp_path / "hum.wav").write_bytes(b"RIFF")
    (told,) = faults("prompt: x\nstreams:\n  f0: {from: hum.wav}\n")
    assert "f0 cannot be heard in a recording; it reads .mid, .midi, .musicxml" in told
