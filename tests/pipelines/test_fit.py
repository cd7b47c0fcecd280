"""What a song says that does not fit its bars is told in planning, with its line."""

import mido
import pytest

SONG = "prompt: x\ntempo: 120\n"
SECTIONS = """structure:
  sections:
  - {type: verse, bars: 4}
  - type: chorus
    bars: 4
    streams:
"""


def test_breaths_outside_the_song_or_their_section_are_told_each(faults, plan):
    assert faults(
        f"{SONG}voice: {{breath: [7.5, 16, 20]}}\n{SECTIONS}"
        "      breath:\n        positions:\n        - 7.5\n        - 8\n        - 16\n"
    ) == [
        "4: voice.breath.1: a breath at 16 s does not fit into the song, which lasts 16 s",
        "4: voice.breath.2: a breath at 20 s does not fit into the song, which lasts 16 s",
        "13: structure.sections.1.streams.breath.positions.0: a breath at 7.5 s does not fit into "
        "this section, from 8 to 16 s of the song",
        "15: structure.sections.1.streams.breath.positions.2: a breath at 16 s does not fit into "
        "this section, from 8 to 16 s of the song",
    ]
    inside = f"{SONG}{SECTIONS}      breath: [8, 15.9]\nstreams: {{breath: [0, 15.9]}}\n"
    assert plan(inside).streams["breath"].values == {"positions": [0, 15.9]}
    assert plan(f"{SONG}voice: {{breath: auto}}\n").streams["breath"].values


def test_a_breath_on_a_bar_line_between_frames_is_in_its_section(plan):
    # at 117 bpm the chorus begins at 8.2051 s, and its frames at 8.21 s
    said = f"{SONG}{SECTIONS}      breath: [8.205]\n".replace("120", "117")
    assert plan(said).sections[1].streams["breath"].values == {"positions": [8.205]}


def test_sounds_outside_the_song_or_their_section_are_told_each(faults):
    entry = "          - {{phoneme: a, start: {}, end: {}}}\n"
    sung = "      phoneme_timestamps:\n          timestamps:\n"
    told = faults(
        f"{SONG}{SECTIONS}{sung}{entry.format(7, 8.5)}{entry.format(9, 16)}{entry.format(16, 17)}"
    )
    where = "does not fit into this section, from 8 to 16 s of the song"
    assert told == [
        f"12: structure.sections.1.streams.phoneme_timestamps.timestamps.0: a from 7 to 8.5 s {where}",  # noqa: E501
        f"14: structure.sections.1.streams.phoneme_timestamps.timestamps.2: a from 16 to 17 s {where}",  # noqa: E501
    ]
    (told,) = faults(
        f"{SONG}duration: 8\nstreams:\n  phoneme_timestamps:\n    timestamps:\n"
        "    - {phoneme: a, start: 1, end: 8}\n    - {phoneme: a, start: 8, end: 8.2}\n"
    )
    assert told.startswith("9: streams.phoneme_timestamps.timestamps.1: a from 8 to 8.2 s does not")


def test_notes_that_last_longer_than_the_song_or_their_section_are_told(faults, plan):
    assert faults(
        f"{SONG}duration: 8\nstreams:\n  f0: (A4:1)x16 C5:4\n  melody: (A4:1)x17\n"
        "  midi: {notes: {bass: (C2:1)x16, piano: C4:100}}\n"
    ) == [
        "6: streams.f0: lasts 20 beats, but the song has 16",
        "7: streams.melody: lasts 17 beats, but the song has 16",
        "8: streams.midi.notes.piano: lasts 100 beats, but the song has 16",
    ]
    section = "      f0: {}\n"
    assert faults(f"{SONG}{SECTIONS}{section.format('A4:17')}") == [
        "10: structure.sections.1.streams.f0: lasts 17 beats, but the section has 16"
    ]
    assert plan(f"{SONG}{SECTIONS}{section.format('A4:16')}").sections[1].streams["f0"].values
    (told,) = faults(f"{SONG}duration: 8\nstreams: {{f0: {{hz: [220, 0, 330], rate: 0.1}}}}\n")
    assert told.startswith("5: streams.f0.hz: a curve of 30 s does not fit into the song")


def test_what_does_not_fit_is_told_beside_all_else(faults):
    told = faults(f"{SONG}duration: 8\nstreams: {{breath: [9], chord: [H]}}\nguidance: {{al: 1}}\n")
    assert [line.partition(": ")[2].partition(":")[0] for line in told] == [
        "streams.chord.0", "streams.breath.0", "guidance.al",
    ]  # fmt: skip


def legato(path):
    """Write a score in which a note is let go a fifth of a quarter after the next begins."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack())
    for kind, pitch, time in (("on", 60, 0), ("on", 62, 384), ("off", 60, 96), ("off", 62, 384)):
        file.tracks[0].append(mido.Message(f"note_{kind}", note=pitch, velocity=90, time=time))
    file.save(path)


@pytest.mark.parametrize("lengths", ["", "bars: 4\nduration: 600\n"])
def test_a_score_is_tried_in_the_song_s_own_metre(faults, plan, tmp_path, lengths):
    legato(tmp_path / "lead.mid")
    song = f"{SONG}time_signature: {{}}\nstreams:\n  f0: {{{{from: lead.mid}}}}\n"
    assert plan(song.format("4/4")).streams["f0"].recording
    told = faults(song.format("7/8") + lengths)  # where an eighth is a beat, that is two notes
    fault = f"{tmp_path / 'lead.mid'}: C4 and D4 sound together 1.6 beats in"
    assert told[0].startswith(f"6: streams.f0.from: {fault}")
    assert len(told) == 1 + bool(lengths)  # lengths that do not go together hide no score's fault


def test_a_score_of_a_section_is_tried_there(faults, tmp_path):
    legato(tmp_path / "lead.mid")
    (told,) = faults(f"{SONG}time_signature: 7/8\n{SECTIONS}      f0:\n        from: lead.mid\n")
    assert told.startswith("12: structure.sections.1.streams.f0.from: ")
