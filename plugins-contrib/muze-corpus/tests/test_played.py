"""What records tell of the players, beside what the MIDI file plays."""

from itertools import pairwise

import mido
import numpy as np
import pytest

from muze_corpus.arrange import compose
from muze_corpus.played import DRUM_PITCHES
from muze_corpus.record import record
from muze_corpus.render import draw_sound, midi
from muze_corpus.score import METRES, Note, Track


@pytest.fixture(scope="module")
def songs():
    return [compose(3, i) for i in range(24)]


@pytest.fixture(scope="module")
def records(songs):
    return [record(song) for song in songs]


@pytest.fixture(scope="module")
def played(songs):
    return [heard_in(midi(song, draw_sound(np.random.default_rng(0)))) for song in songs]


def heard_in(score: mido.MidiFile) -> dict[str, list[tuple[float, ...]]]:
    """(start, pitch, end, program, velocity) of every note of a score, as a player hears it."""
    found: dict[str, list[tuple[float, ...]]] = {"pitched": [], "drums": []}
    programs, down, now = {}, {}, 0.0
    for message in score:
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on":
            assert (message.channel, message.note) not in down
            down[message.channel, message.note] = now, message.velocity
        elif message.type == "note_off":
            start, velocity = down.pop((message.channel, message.note))
            kind = "drums" if message.channel == 9 else "pitched"
            found[kind].append(
                (start, message.note, now, programs[message.channel], velocity / 127)
            )
    assert not down
    return found


def test_a_record_tells_the_notes_that_the_score_plays(records, played):
    for r, score in zip(records, played, strict=True):
        heard = score["pitched"]
        told = [tuple(n[k] for k in ("start", "pitch", "end", "program", "velocity"))
                for n in r["notes"]]  # fmt: skip
        assert len(told) == len(heard)
        order = [sorted(x, key=lambda n: (n[1], n[3], n[0])) for x in (told, heard)]
        np.testing.assert_allclose(*order, atol=7e-4)
        assert told == sorted(told, key=lambda n: n[:2])


def test_a_key_struck_while_it_is_down_is_let_go_first():
    metre = METRES["6/8"]  # 720 ticks a beat
    track = Track("pad", 89, notes=[Note(0.0, 2.0, 60, 90), Note(1.0, 2.0, 60, 80),
                                    Note(1.0, 0.001, 64, 70)])  # fmt: skip
    assert [(a, b, n.pitch) for a, b, n in track.played(metre)] == [
        (0, 1440, 60), (1440, 2160, 60), (720, 728, 64),
    ]  # fmt: skip


def test_a_record_tells_each_hit_of_the_five_drums_once(songs, records, played):
    drummed = [song.drum_kit is not None for song in songs]
    assert {*drummed} == {True, False}
    for has_drums, r, score in zip(drummed, records, played, strict=True):
        if not has_drums:
            assert not any(r["drum_onsets"].values())
            continue
        for drum, pitches in DRUM_PITCHES.items():
            onsets, hard = r["drum_onsets"][drum], r["drum_velocities"][drum]
            struck = sorted((t, v) for t, pitch, _, _, v in score["drums"] if pitch in pitches)
            assert len(onsets) == len(hard)
            assert bool(onsets) == bool(struck)
            assert all(b - a > 0.018 for a, b in pairwise(onsets))
            for t, _ in struck:  # a clap on a snare is one hit
                assert min(abs(t - at) for at in onsets) < 0.022
            for at, v in zip(onsets, hard, strict=True):
                assert any(abs(t - at) < 1e-3 and abs(u - v) < 1e-3 for t, u in struck)


def test_the_melody_is_told_by_pitch_class_where_there_is_a_lead(songs, records):
    assert any("lead" not in song.tracks for song in songs)
    for song, r in zip(songs, records, strict=True):
        if "lead" not in song.tracks:
            assert r["melody_chroma"] is None
            continue
        assert len(r["melody_chroma"]) == int(np.ceil(r["duration"] / 0.128))
        for hop, told in enumerate(r["melody_chroma"]):
            middle = (hop + 0.5) * 0.128
            edges = [n[k] for n in r["melody"] for k in ("start", "end")]
            if min(abs(middle - np.array(edges))) > 2e-3:  # else a tick decides
                sounding = [n["pitch"] % 12 for n in r["melody"] if n["start"] < middle < n["end"]]
                assert told == (sounding[0] if sounding else -1)


def test_streams_of_muze_read_what_a_record_tells(songs, records):
    registry = pytest.importorskip("muze.core.registry").Registry()
    from muze.analysis.drums import read_hits
    from muze.analysis.piano_roll import read_roll
    from muze.data.track import track_grid

    streams = {name: registry.get("stream", name) for name in ("midi", "drums", "melody", "f0")}
    for song, r in [*zip(songs, records, strict=True)][:12]:
        grid = track_grid(r)
        told = {name: cls(cls.Config()).recall(r, grid) for name, cls in streams.items()}
        struck = {(round(n.start * 100), n.pitch) for n in read_roll(told["midi"], grid)}
        written = {(int(np.ceil(n["start"] * 100 - 0.5 - 1e-9)), n["pitch"]) for n in r["notes"]}
        assert struck == written
        loudest = max(r["notes"], key=lambda n: n["velocity"])
        assert told["midi"]["roll"].max() == pytest.approx(loudest["velocity"])
        for drum, hits in read_hits(told["drums"]["drums"], grid).items():
            frames = {int(t * 100 + 1e-6) for t in r["drum_onsets"][drum]}
            assert {int(t * 100) for t, _ in hits} <= frames
            assert len(hits) >= 0.95 * len(frames)  # a soft hit in another's fading is not seen
        if "lead" in song.tracks:
            classes = told["melody"]["melody"]
            voiced = told["f0"]["voiced"][0] > 0
            assert (classes.any(axis=0) == voiced).mean() > 0.8
            both = classes.any(axis=0) & voiced
            pitch = told["f0"]["f0_coarse"][0].astype(int) % 12
            assert (classes.argmax(axis=0) == pitch)[both].mean() > 0.8
        else:
            assert told["melody"] is None
            assert not told["f0"]["voiced"].any()
