"""``voice: {backend: ...}``: who sings which notes, from the manifest to the plan."""

import sys
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from itertools import pairwise
from types import ModuleType

import mido
import numpy as np
import pytest

from muze import hookimpl
from muze.audio.io import write_audio
from muze.core.grid import Audio
from muze.core.registry import GROUP, Registry
from muze.core.theory import Chord
from muze.pipelines.plan import Plan
from muze.testing.singing import singing
from muze.testing.speaking import KnownVoice
from muze.voice import effects

pytest.importorskip("pyworld")
pytest.importorskip("gruut")
pytest.importorskip("pedalboard")

SONG = """prompt: x
tempo: 120
key: C major
structure:
  sections:
    - {type: verse, bars: 4}
    - {type: chorus, bars: 2}
    - {type: chorus, bars: 2}
"""
WORDS = """  lyrics: |
    [verse]
    Headlights paint the rain tonight
    Nothing ever stays the same
    [chorus] Drive until the morning
"""
VOICE = f"voice:\n  backend: known\n  voice: Ada\n{WORDS}"


@pytest.fixture
def registry(monkeypatch):
    """All that is installed, and a backend of synthetic speakers."""
    module = ModuleType("known_voices")
    module.muze_voices = hookimpl(lambda: [KnownVoice], specname="muze_voices")
    monkeypatch.setitem(sys.modules, "known_voices", module)
    point = EntryPoint("known", "known_voices", GROUP)
    return Registry([*entry_points(group=GROUP), point], [])


def sung(line):
    return [(n.pitch, n.beat, n.length) for s in line.syllables for n in s.notes]


def test_every_section_sings_its_lines_on_its_bars(plan):
    voice = plan(SONG + VOICE).voice
    assert (voice.backend, voice.voice, voice.language, voice.delivery) \
        == ("known", "Ada", "en", "sung")  # fmt: skip
    assert [(line.section, line.text) for line in voice.lines] == [
        (0, "Headlights paint the rain tonight"), (0, "Nothing ever stays the same"),
        (1, "Drive until the morning"), (2, "Drive until the morning"),
    ]  # fmt: skip
    assert [sung(line)[0][1] for line in voice.lines] == pytest.approx([0, 8, 16, 24], abs=1)
    assert voice.melody == "composed"
    for line in voice.lines:
        notes = sung(line)
        assert all(a[1] + a[2] <= b[1] + 1e-9 for a, b in pairwise(notes))
        # around 220 Hz, A3, which is 57
        assert all(55 <= pitch <= 67 for pitch, _, _ in notes)


def test_sections_of_one_type_sing_one_melody_and_a_seed_gives_one_song(plan):
    told = "seed: 4\nstreams: {chord: [C, Am]}\n"
    voice = plan(SONG + told + VOICE).voice
    first, second = (sung(line) for line in voice.lines[2:])
    assert [(p, b - 16, n) for p, b, n in first] == [(p, b - 24, n) for p, b, n in second]
    assert plan(SONG + told + VOICE).voice == voice
    other = plan(SONG + told.replace("4", "5") + VOICE).voice
    assert other.lines != voice.lines


def test_a_composed_melody_follows_the_chords(plan):
    made = plan(SONG + "seed: 4\nstreams: {chord: [C, Am, F, G]}\n" + VOICE)
    for line in made.voice.lines:
        part = made.sections[line.section]
        for pitch, beat, _ in sung(line):
            if beat % 4 == 0:
                chord = Chord.parse(part.chords[int(beat // 4) - part.first_bar + 1])
                assert round(pitch) % 12 in chord.pitch_classes


def test_the_plan_holds_every_note(plan):
    made = plan(SONG + VOICE)
    assert Plan.from_json(made.to_json()).voice == made.voice


def test_a_told_melody_is_sung(plan):
    told = "  melody: {notes: 'C4:1 D4:1 E4:1 F4:1 G4:1 A4:1 B4:2 (G4:1)x7 R:1 (C4:1 E4:1)x8'}\n"
    voice = plan(SONG + VOICE + told).voice
    assert voice.melody == "told"
    first, second, *choruses = voice.lines
    assert [p for p, _, _ in sung(first)] == [60, 62, 64, 65, 67, 69, 71]
    assert [p for p, _, _ in sung(second)] == [67] * 7
    assert [p for p, _, _ in sung(choruses[0])] == [60, 64, 60, 64, 60, 64, 60, 64]
    # six syllables on eight notes: two melismas
    assert sum(len(s.notes) - 1 for s in choruses[0].syllables) == 2
    higher = plan(SONG + VOICE + told + "  transpose: 5\n").voice
    assert sung(higher.lines[0])[0][0] == 65


@pytest.mark.parametrize("name", ["f0", "melody", "midi"])
def test_the_streams_melody_is_sung_where_they_tell_one(plan, name):
    notes = "C4:1 D4:1 E4:1 F4:1 G4:1 A4:1 B4:2"
    voice = plan(f"{SONG}streams: {{{name}: '{notes}'}}\n{VOICE}").voice
    assert voice.melody == f"stream {name}"
    # of the stream melody octaves count for nothing: here it is near the voice already
    assert [p for p, _, _ in sung(voice.lines[0])] == [60, 62, 64, 65, 67, 69, 71]
    assert all(b >= 8 for line in voice.lines[1:] for _, b, _ in sung(line))  # those are composed


def test_a_section_s_melody_is_sung_from_its_first_beat(plan):
    song = SONG.replace(
        "{type: chorus, bars: 2}",
        "{type: chorus, bars: 2, streams: {f0: 'E4:1 E4:1 F4:1 G4:1 G4:1 F4:1'}}", 1,
    )  # fmt: skip
    voice = plan(song + VOICE).voice
    assert sung(voice.lines[2]) == [
        (64, 16, 1), (64, 17, 1), (65, 18, 1), (67, 19, 1), (67, 20, 1), (65, 21, 1)]  # fmt: skip
    assert sung(voice.lines[3])[0][0] is not None


def test_a_midi_file_and_a_hum_are_sung(plan, tmp_path):
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    pitches = [60, 62, 64, 65, 67, 69, 71]
    for pitch in pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=80, time=0))
        track.append(mido.Message("note_off", note=pitch, time=480))
    file.tracks.append(track)
    file.save(tmp_path / "lead.mid")
    one = SONG.replace("    - {type: chorus, bars: 2}\n", "").replace("bars: 4", "bars: 2")
    words = "voice:\n  backend: known\n  lyrics: Headlights paint the rain tonight\n"
    voice = plan(f"{one}{words}  melody: {{midi: lead.mid}}\n").voice
    assert [p for p, _, _ in sung(voice.lines[0])] == pitches
    notes = [(p, 0.5 * k, 0.5 * k + 0.44) for k, p in enumerate(pitches)]
    write_audio(tmp_path / "hum.wav", singing(notes, 4.0))
    voice = plan(f"{one}{words}  melody: {{from: hum.wav}}\n").voice
    heard = sung(voice.lines[0])
    assert [p for p, _, _ in heard] == pitches
    assert [b for _, b, _ in heard] == pytest.approx(range(7), abs=0.1)


def test_rap_is_on_sixteenths_and_speech_on_its_lines(plan):
    rap = plan(SONG + VOICE + "  melody: rap\n").voice
    assert rap.delivery == "rap"
    for pitch, beat, _ in (n for line in rap.lines for n in sung(line)):
        assert pitch is None
        assert beat * 4 == pytest.approx(round(beat * 4))
    said = plan(SONG + VOICE + "  melody: spoken\n").voice
    assert [sung(line)[0][1] for line in said.lines] == [0, 8, 16, 24]


def test_the_music_is_told_that_nobody_sings_in_it_and_no_words(plan):
    made = plan(SONG + VOICE)
    assert made.streams["has_vocals"].values == {"value": False}
    assert not {"phoneme", "phoneme_timestamps", "vibrato", "breath"} & set(made.streams)
    assert made.plugins["known"]
    assert made.output.stems


def test_how_it_is_sung_is_in_the_plan(plan):
    voice = plan(
        f"{SONG}{VOICE}  vibrato: {{rate: 6, depth: 40}}\n  breath: [3.5, 7]\n  level: -3\n"
        "  effects: {reverb: 0.3}\n"
    ).voice
    assert (voice.vibrato.rate, voice.vibrato.depth, voice.breaths) == (6, 40, (3.5, 7))
    assert (voice.level, voice.effects.reverb, voice.effects.duck) == (-3, 0.3, 2)
    assert plan(f"{SONG}{VOICE}  effects: none\n").voice.effects is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("backend: known", "backend: knwon", ["11: voice.backend: voice 'knwon' is not installed; "
         "did you mean 'known'?"]),
        ("voice: Ada", "voice: Adda", ["12: voice.voice: voice backend known has no voice 'Adda', "
         "and none is registered; did you mean 'Ada'?"]),
        ("voice: Ada", "language: de", ["12: voice.language: known does not speak 'de'; it speaks "
         "en"]),
        ("[chorus]", "[bridge]", ["13: voice.lyrics: lyrics mark a [bridge], but the song has "
         "none; it has verse, chorus"]),
        ("    Nothing ever stays the same\n", "    " + "Nothing ever stays the same " * 6 + "\n",
         ["16: voice.lyrics.2: '" + ("Nothing ever stays the same " * 6).strip() + "' has 42 "
          "syllables, too many for its 8 beats (4 s), which take 30 of 0.12 s"]),
        ("  voice: Ada\n", "  voice: Ada\n  melody: {notes: 'C4:1/4 D4:1/4 R:15 (C4:1/4)x60'}\n",
         ["16: voice.lyrics.1: 'Headlights paint the rain tonight' has 7 syllables, too many for "
          "the 2 notes of the melody there; split into notes of 0.12 s they take 2"]),
        ("  voice: Ada\n", "  voice: Ada\n  melody: {notes: 'C9:1'}\n", None),
        ("  voice: Ada\n", "  voice: Ada\n  melody: {midi: no.mid}\n  level: x\n  breath: [99]\n",
         None),
        ("  voice: Ada\n", "  voice: Ada\n  melody: {notes: '(C4:1)x99'}\n",
         ["13: voice.melody.notes: lasts 99 beats, but the song has 32"]),
    ],
)  # fmt: skip
def test_what_cannot_be_sung_is_told_at_its_line(faults, old, new, told):
    assert old in VOICE
    found = faults(SONG + VOICE.replace(old, new, 1))
    assert found
    if told is not None:
        assert found[: len(told)] == told


def test_several_faults_are_told_at_once(faults):
    text = VOICE.replace("voice: Ada", "voice: Adda") + "  breath: [99]\n  vibrato: {dept: 3}\n"
    found = faults(SONG + text)
    assert [line.split(": ")[1] for line in found] == [
        "voice.voice", "voice.breath", "voice.vibrato.depth", "voice.vibrato.dept"]  # fmt: skip


def test_a_singer_without_words_and_singing_without_a_singer_are_told(faults):
    (told,) = faults(SONG + "voice: {backend: known}\n")
    assert told == "10: voice.lyrics: is required: the singer has no words"
    found = faults(SONG + "voice: {lyrics: la la, level: 2, melody: rap}\n")
    assert any("voice.level: is the singer's; name one as voice.backend" in line for line in found)


def test_effects_that_are_not_there_are_told(faults, monkeypatch):
    there = find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "pedalboard" else there(name)
    )
    (told,) = faults(SONG + VOICE)
    assert 'voice.effects: needs pedalboard: pip install "muze[effects]"; or say effects: none' \
        in told  # fmt: skip
    assert effects  # its module needs none


def test_a_song_is_never_written_over_what_is_hummed(faults, tmp_path):
    write_audio(tmp_path / "hum.wav", singing([(60, 0.0, 1.0)], 1.0))
    found = faults(f"{SONG}{VOICE}  melody: {{from: hum.wav}}\noutput: {{path: hum.wav}}\n")
    assert any("is read here and would be written over" in line for line in found)


def test_a_wrong_melody_hides_no_wrong_voice(faults):
    found = faults(SONG + VOICE.replace("voice: Ada", "voice: Adda") + "  melody: spokn\n")
    assert [line.split(": ")[1] for line in found] == ["voice.voice", "voice.melody"]


def test_a_voice_that_tells_no_pitch_is_heard_and_a_silent_one_told(plan, faults, monkeypatch):
    known = plan(SONG + "seed: 1\n" + VOICE).voice
    monkeypatch.delattr(KnownVoice, "pitch")
    assert plan(SONG + "seed: 1\n" + VOICE).voice == known
    monkeypatch.setattr(KnownVoice, "speak", lambda *_: Audio(np.zeros((1, 9_000), "f4"), 24_000))
    (told,) = faults(SONG + VOICE)
    assert "12: voice.voice: voice 'Ada' of known: no pitch is heard in what it says" in told
