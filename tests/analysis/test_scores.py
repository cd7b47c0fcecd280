import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muze.analysis.scores import melody_of, quarters_per_beat, read_score
from muze.core.errors import ManifestError, NotInstalledError
from muze.core.grid import Metre

QUARTER = 480
TIED_AND_REPEATED = """<?xml version="1.0"?>
<score-partwise version="3.1">
<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<barline location="left"><repeat direction="forward"/></barline>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration></note>
<note><pitch><step>E</step><alter>-1</alter><octave>4</octave></pitch><duration>1</duration></note>
<note><rest/><duration>1</duration></note>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration>
<tie type="start"/></note>
</measure><measure number="2">
<note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><tie type="stop"/></note>
<note><rest/><duration>6</duration></note>
<barline location="right"><repeat direction="backward"/></barline>
</measure></part></score-partwise>"""


def midi(path, tracks, kind=1):
    """Write tracks of (name, channel, program, [(pitch, start, length) in quarters])."""
    file = mido.MidiFile(type=kind, ticks_per_beat=QUARTER)
    for name, channel, program, notes in tracks:
        events = [(0, mido.MetaMessage("track_name", name=name))] if name else []
        events.append((0, mido.Message("program_change", channel=channel, program=program)))
        for pitch, start, length in notes:
            told = {"channel": channel, "note": pitch}
            on = mido.Message("note_on", velocity=100, **told)
            events += [(start, on), (start + length, mido.Message("note_off", **told))]
        track, now = mido.MidiTrack(), 0
        for at, event in sorted(events, key=lambda e: (e[0], e[1].type != "note_off")):
            track.append(event.copy(time=round((at - now) * QUARTER)))
            now = at
        file.tracks.append(track)
    file.save(path)
    return path


TUNE = [(60, 0, 1), (64, 1, 0.5), (67, 2, 1)]


def told(notes):
    return [(note.pitch, note.start, note.length) for note in notes]


def test_a_midi_file_is_read_in_beats(tmp_path):
    score = read_score(midi(tmp_path / "a.mid", [("lead", 0, 81, TUNE)]), Metre())
    (part,) = score.parts
    assert (part.name, part.program, score.beats) == ("lead", 81, 3)
    assert told(part.notes) == TUNE
    assert part.notes[0].velocity == pytest.approx(100 / 127)


def test_a_program_holds_for_its_channel_in_every_track(tmp_path):
    path = midi(tmp_path / "a.mid", [("setup", 0, 40, []), ("tune", 0, 0, TUNE)])
    file = mido.MidiFile(path)
    tune = file.tracks[1]
    tune[:] = [message for message in tune if message.type != "program_change"]
    late = mido.Message("program_change", channel=0, program=73, time=QUARTER)
    file.tracks.append(mido.MidiTrack([late]))
    file.save(path)
    score = read_score(path, Metre())
    assert [(p.name, p.program, told(p.notes)) for p in score.parts] == [
        ("violin", 40, TUNE[:1]),
        ("flute", 73, TUNE[1:]),
    ]


def test_a_beat_is_the_metre_s(tmp_path):
    path = midi(tmp_path / "a.mid", [("lead", 0, 81, [(60, 3, 1.5)])])
    assert told(read_score(path, Metre(6, 8)).parts[0].notes) == [(60, 2, 1)]
    assert told(read_score(path, Metre(2, 2)).parts[0].notes) == [(60, 1.5, 0.75)]
    assert [quarters_per_beat(Metre(*m)) for m in ((3, 4), (12, 8), (3, 8))] == [1, 1.5, 0.5]


def test_drums_are_left_out_and_the_melody_is_found(tmp_path):
    drums, bass = ("", 9, 0, [(36, 0, 1)]), ("bass", 1, 33, [(36, 0, 2)])
    path = midi(tmp_path / "a.mid", [drums, bass, ("Lead vocal", 0, 53, TUNE)])
    score = read_score(path, Metre())
    assert [part.name for part in score.parts] == ["bass", "Lead vocal"]
    assert told(melody_of(score, path)) == TUNE
    path = midi(tmp_path / "b.mid", [bass, ("", 0, 0, TUNE)])
    with pytest.raises(ManifestError, match=r"2 parts \(bass, acoustic grand piano\); leave one"):
        melody_of(read_score(path, Metre()), path)
    path = midi(tmp_path / "c.mid", [("", 0, 0, [(60, 0, 1), (64, 0, 1)])])
    with pytest.raises(ManifestError, match=r"c.mid: C4 and E4 sound together"):
        melody_of(read_score(path, Metre()), path)
    with pytest.raises(ManifestError, match="holds no pitched notes"):
        read_score(midi(tmp_path / "d.mid", [drums]), Metre())


def test_musicxml_is_read_with_ties_and_repeats(tmp_path):
    pytest.importorskip("music21")
    want = [(60, 0, 1), (63, 1, 0.5), (67, 2, 3), (60, 8, 1), (63, 9, 0.5), (67, 10, 3)]
    (tmp_path / "a.musicxml").write_text(TIED_AND_REPEATED)
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as packed:
        root = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
        packed.writestr("META-INF/container.xml", root)
        packed.writestr("a.xml", TIED_AND_REPEATED)
    for name in ("a.musicxml", "a.mxl"):
        score = read_score(tmp_path / name, Metre())
        assert told(score.parts[0].notes) == want
        assert (score.parts[0].name, score.beats) == ("Voice", 16)


def test_without_music21_it_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    (tmp_path / "a.musicxml").write_text(TIED_AND_REPEATED)
    with pytest.raises(NotInstalledError, match=r'pip install "muze\[scores\]"'):
        read_score(tmp_path / "a.musicxml", Metre())


@pytest.mark.parametrize("content", [b"", b"<xml", b"<a/>", b"PK\x03\x04", b"MThd"])
@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".mxl"])
def test_what_is_no_score_is_told_in_a_line(tmp_path, content, suffix):
    if suffix != ".mid":
        pytest.importorskip("music21")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="that can be read") as fault:
        read_score(path, Metre())
    assert "\n" not in str(fault.value)


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_a_damaged_midi_file_is_read_or_told(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("midi")
    content = bytearray(Path(midi(folder / "a.mid", [("lead", 0, 81, TUNE)])).read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    (folder / "a.mid").write_bytes(content)
    with suppress(ManifestError):
        assert read_score(folder / "a.mid", Metre()).parts
