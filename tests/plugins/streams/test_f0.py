import json

import mido
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from muze.core.errors import DatasetError, ManifestError
from muze.core.grid import Audio, Metre, SectionSpan, TempoMark, TimeGrid
from muze.plugins.streams.f0 import F0Stream
from muze.testing import sounds, stream_checks

STREAM = F0Stream(F0Stream.Config())
GRID = TimeGrid.of_song(8.0, 120.0)
TUNE = "A4:1 C5:1/2 B4:1/2 R:1 E4:1"


@stream_checks("f0")
def test_f0_conforms(check):
    check()


def parse(grid=GRID, **values):
    return STREAM.parse(F0Stream.Values(**values), grid)


def test_a_melody_follows_the_tempo_map():
    drawn = parse(melody=TUNE)
    np.testing.assert_allclose(drawn["f0"][0, :50], 440)
    np.testing.assert_allclose(drawn["f0"][0, 50:75], 523.25, atol=0.01)
    assert not drawn["voiced"][0, 100:150].any()
    assert drawn["present"].tolist() == [1.0] * 200 + [0.0] * 600
    slower = parse(TimeGrid.of_song(8.0, (TempoMark(0, 120), TempoMark(1, 60))), melody=TUNE)
    np.testing.assert_allclose(slower["f0"][0, 50:100], 523.25, atol=0.01)
    assert slower["present"].sum() == 350
    compound = parse(TimeGrid.of_song(8.0, 60.0, Metre(6, 8)), melody="A4:1/3 B4")
    assert compound["present"].sum() == 133  # the beat is the dotted quarter


def test_semitones_count_from_c1():
    assert parse(melody="C1 A4 B7")["f0_coarse"][0, [0, 50, 100]].tolist() == [0, 45, 83]


def test_a_section_s_melody_begins_with_the_section():
    sections = (SectionSpan("verse", 0.0, 4.003), SectionSpan("solo", 4.003, 8.0))
    song = TimeGrid.of_song(8.0, 120.0, sections=sections)
    solo = song.between(4.003, 8.0)
    np.testing.assert_array_equal(
        parse(solo, melody=TUNE)["f0"][0, :50], parse(melody=TUNE)["f0"][0, :50]
    )


def test_a_curve_is_drawn_at_its_rate():
    drawn = parse(hz=[220.0, 220.0, 0.0, 440.0], rate=1)
    np.testing.assert_allclose(drawn["f0"][0, :195], 220, rtol=1e-6)
    assert not drawn["voiced"][0, 201:299].any()
    np.testing.assert_allclose(drawn["f0"][0, 301:400], 440, rtol=1e-6)
    assert drawn["present"].sum() == 400
    assert parse(hz=[220.0] * 300)["present"].sum() == 300


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "say either melody or hz"),
        ({"melody": TUNE, "hz": [220]}, "say either melody or hz"),
        ({"melody": TUNE, "rate": 10}, "rate belongs to hz"),
        ({"melody": "A4:1 H4:1"}, "'H4:1', number 2 in the notes"),
        ({"melody": "A4+C5:1"}, "sound together"),
        ({"melody": "C8"}, "lies outside C1 to B7"),
        ({"hz": [220, 9000]}, "must be from 31.77 to 4067 Hz"),
        ({"hz": [-1]}, "must be from 31.77"),
        ({"midi": "lead.mid"}, "a file is given as {from: lead.mid}"),
    ],
)
def test_what_makes_no_melody_is_told(values, told):
    with pytest.raises(ValidationError) as fault:
        F0Stream.Values(**values)
    assert told in str(fault.value)


def test_a_sung_melody_is_heard_as_it_was_asked():
    notes = [69, 72, 71, None, 64]
    want = np.repeat([0.0 if n is None else sounds.midi_to_hz(n) for n in notes], 50)
    t = np.arange(16000) / 32000
    parts = [
        sum(np.sin(2 * np.pi * k * sounds.midi_to_hz(n or 60) * t) / k for k in (1, 2, 3, 4))
        * (0.0 if n is None else 0.3) * np.minimum(1, np.minimum(t, t[::-1]) / 0.01)
        for n in notes
    ]  # fmt: skip
    grid = TimeGrid.of_song(2.5)
    samples = np.concatenate(parts).astype(np.float32)[None]
    heard = STREAM.extract(Audio(samples, 32000), grid)
    asked = parse(grid, hz=want.tolist())
    scores = {score.name: score.value for score in STREAM.score(asked, heard, grid)}
    assert scores["melody RPA"] >= 0.95
    assert scores["melody RCA"] >= 0.95
    assert scores["melody OA"] >= 0.95


def test_nothing_heard_is_absent():
    heard = STREAM.extract(sounds.silence(2.0), TimeGrid.of_song(2.0))
    assert not heard["present"].any()
    assert STREAM.fields(heard, TimeGrid.of_song(2.0)) == {}


def test_floors_are_a_drone_and_silence():
    asked = parse(melody="A4:3 A5:1 C5:2 R:10")
    perfect = {score.name: score for score in STREAM.score(asked, asked, GRID)}
    assert perfect["melody RPA"].floor == pytest.approx(0.5)
    assert perfect["melody RCA"].floor == pytest.approx(2 / 3)
    assert perfect["melody OA"].floor == pytest.approx(10 / 16)
    assert all(score.value == 1 for score in perfect.values())
    octave = STREAM.score(asked, {**asked, "f0": asked["f0"] * 2}, GRID)
    assert [score.value for score in octave[:2]] == pytest.approx([0, 1])


def test_where_no_melody_is_asked_silence_is_right():
    asked = parse(melody="R:16")
    (score,) = STREAM.score(asked, parse(melody="R:16"), GRID)
    assert (score.name, score.value) == ("melody OA", 1.0)
    (score,) = STREAM.score(asked, parse(melody="A4:8 R:8"), GRID)
    assert score.value == pytest.approx(0.5)


def test_only_frames_spoken_of_are_scored():
    asked = parse(melody="A4:4")
    heard = parse(melody="A4:4 E4:12")
    assert all(score.value == 1 for score in STREAM.score(asked, heard, GRID))


def test_recall_reads_what_fields_wrote():
    drawn = parse(melody=TUNE)
    record = json.loads(json.dumps(STREAM.fields(drawn, GRID)))
    assert record["f0_spans"] == [[0.0, 2.0]]
    assert len(record["f0_contour"]) == len(record["f0_voiced_mask"]) == GRID.frames
    recalled = STREAM.recall(record, GRID)
    for name in drawn:
        np.testing.assert_allclose(recalled[name], drawn[name], atol=0.01)
    short = {**record, "f0_voiced_mask": record["f0_voiced_mask"][:-1]}
    with pytest.raises(DatasetError, match="f0_voiced_mask has 799 frames, f0_contour 800"):
        STREAM.recall(short, GRID)


def test_recall_takes_the_notes_of_a_melody_where_there_is_no_contour():
    record = {"f0_contour": None, "melody": [{"pitch": 69, "start": 1.0, "end": 2.0}]}
    recalled = STREAM.recall(record, GRID.window(50, 200))
    np.testing.assert_allclose(recalled["f0"][0, 50:150], 440)
    assert recalled["voiced"].sum() == 100
    assert recalled["present"].all()
    assert STREAM.recall({"f0_contour": None}, GRID) is None


def test_a_score_is_read(tmp_path):
    def midi(name, *pitches):
        file = mido.MidiFile(ticks_per_beat=480)
        file.tracks.append(mido.MidiTrack())
        for pitch in pitches:
            file.tracks[0].append(mido.Message("note_on", note=pitch, velocity=90))
            file.tracks[0].append(mido.Message("note_off", note=pitch, time=480))
        file.save(tmp_path / name)
        return tmp_path / name

    drawn = STREAM.read(midi("lead.mid", 69, 72), GRID)
    np.testing.assert_array_equal(drawn["f0"], parse(melody="A4 C5")["f0"])
    assert drawn["present"].sum() == 100
    with pytest.raises(ManifestError, match=r"high.mid: C9, 0 beats in, lies outside C1 to B7"):
        STREAM.read(midi("high.mid", 120), GRID)


def test_the_extractor_is_told():
    assert STREAM.extractor.startswith("SwiftF0, octaves by autocorrelation (swift-f0 ")
    other = F0Stream(F0Stream.Config(extractor="pyin"))
    assert other.extractor.startswith("pYIN (librosa ")
    with pytest.raises(ValidationError):
        F0Stream.Config(extractor="yin")


def test_a_quarter_tone_reaches_the_network():
    encoder = STREAM.encoder().eval()
    present = torch.ones(1, GRID.frames, dtype=torch.bool)

    def encode(hz):
        drawn = parse(hz=[hz] * GRID.frames)
        batch = {k: torch.from_numpy(drawn[k])[None] for k in F0Stream.layout}
        return encoder(batch, present, 100)

    one, other = encode(440.0), encode(440.0 * 2 ** (25 / 1200))
    for site in ("frames", "vector"):
        assert (one[site] - other[site]).abs().max() > 1e-3
