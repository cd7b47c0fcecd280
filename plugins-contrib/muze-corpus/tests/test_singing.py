"""Songs that are sung: who sings them, which words, and what is told of it."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from muze_corpus.arrange import compose
from muze_corpus.lyrics import lines, syllables_about
from muze_corpus.record import resting
from muze_corpus.render import RenderError
from muze_corpus.singing import SUNG, draws, notes_in, sing_song, sings, unsung_truth
from muze_corpus.voices import VOICES, draw_voice, voices

SUNG_SONG = next(song for i in range(40) if sings(song := compose(0, i)) and song.duration < 60)


def test_lines_are_many_and_none_is_of_both_splits():
    assert len(lines("train")) >= 150
    assert len(lines("held-out")) >= 20
    assert not {*lines("train")} & {*lines("held-out")}
    assert all(4 <= syllables_about(text) <= 12 for text in lines("train"))
    assert lines("train") == tuple(dict.fromkeys(lines("train")))


def test_voices_are_of_several_ranges_and_some_are_held_out():
    assert len(voices("train")) >= 10
    assert len(voices("held-out")) >= 3
    assert {*voices("train"), *voices("held-out")} == {*VOICES}
    assert len({(v.mix, v.throat) for v in VOICES}) == len({v.name for v in VOICES}) == len(VOICES)
    assert all(sum(share for _, share in v.mix) == pytest.approx(1) for v in VOICES)
    assert min(v.low for v in VOICES) < 45
    assert max(v.high for v in VOICES) > 76
    assert all(12 < v.high - v.low < 24 for v in VOICES)


def test_about_a_third_of_the_songs_are_sung():
    songs = [compose(7, i) for i in range(20)]
    sung = [song for song in songs if sings(song)]
    assert 2 <= len(sung) <= 12
    assert all(any(notes_in(s, x) for x in s.sections if x.type in SUNG) for s in sung)


def test_a_song_nobody_sings_is_told_so():
    told = unsung_truth()
    assert told["has_vocals"] is False
    assert told["phoneme_timestamps"] == told["breath_positions"] == []


def test_muze_is_needed_only_to_sing(monkeypatch, tmp_path: Path):
    code = "import sys; sys.modules['muze'] = None; import muze_corpus.build, muze_corpus.singing"
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setitem(sys.modules, "muze.core.errors", None)
    with pytest.raises(RenderError, match=r"muze-corpus\[vocals\]"):
        sing_song(SUNG_SONG, tmp_path)


def _hummed(text: str):
    """Speech made of a buzz, each of the line's sounds a twentieth of a second."""
    from muze.core.grid import Audio
    from muze.core.voices import PhoneSpan, Spoken
    from muze.voice.syllables import read_line

    phones = read_line(text).phones
    length, rate = 1 / 20, 24_000
    at = np.arange(round((len(phones) + 1) * length * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 200 * k * at) / k for k in range(1, 40))
    spans = [PhoneSpan(str(p), k * length, (k + 1) * length) for k, p in enumerate(phones)]
    return Spoken(Audio((0.2 * buzz)[None].astype(np.float32), rate), tuple(spans))


@pytest.fixture
def folder(monkeypatch, tmp_path: Path):
    pytest.importorskip("pyworld")
    pytest.importorskip("gruut")
    from muze_corpus import stock, sung

    monkeypatch.setattr(stock, "LINES", 4)
    monkeypatch.setattr(stock, "_spoken", lambda _, text: _hummed(text))
    monkeypatch.setattr(sung, "embedding", lambda *_: [1.0, *[0.0] * 255])
    return tmp_path


def test_what_is_told_of_a_vocal_is_what_sounds(folder: Path, monkeypatch):
    from muze_corpus import backing

    monkeypatch.setattr(backing, "HARMONISED", 1.0)
    monkeypatch.setattr(backing, "ECHOED", 1.0)
    vocal = sing_song(SUNG_SONG, folder)
    truth = vocal.truth
    assert len(vocal.samples) == round(SUNG_SONG.duration * 32_000)
    assert vocal.samples.dtype == np.float32
    assert np.abs(vocal.backing).max() > 0.01
    assert len(truth["harmonies"]) > 0
    sounds = truth["phoneme_timestamps"]
    assert all(b["start"] >= a["end"] - 1e-9 for a, b in pairwise(sounds))
    assert all(b["word"] - a["word"] in (0, 1) for a, b in pairwise(sounds))
    words = [w for line in truth["lyrics"].splitlines() if line[0] != "[" for w in line.split()]
    assert sounds[-1]["word"] + 1 == len(words)
    assert all(b - a > 0.3 for a, b in pairwise(truth["breath_positions"]))
    hz = np.asarray(truth["f0_contour"])
    assert len(hz) == int(np.ceil(SUNG_SONG.duration * 100))
    voice = draw_voice("train", _after_one(draws(SUNG_SONG)))
    assert truth["singer"] == voice.name
    assert all(voice.low - 2 <= n["pitch"] <= voice.high + 2 for n in truth["vocal_notes"])
    for note in truth["vocal_notes"]:  # the middle of what is sung is on its note
        at = round((note["start"] + note["end"]) * 50)
        if note["end"] - note["start"] > 0.3 and hz[at] > 0:
            assert abs(12 * np.log2(hz[at] / 440) + 69 - note["pitch"]) < 1.0
    assert all(a["end"] <= b["start"] for a, b in pairwise(truth["melody"]))
    clock, sung = SUNG_SONG.timeline, [n["start"] for n in truth["vocal_notes"]]
    playing = resting(SUNG_SONG, vocal.rests).tracks["lead"].notes
    assert vocal.rests
    # where it rests, no note of the lead begins beside one that is sung
    assert not [n for n in playing for at in sung if abs(clock.seconds(n.start) - at) < 0.1]
    again = sing_song(SUNG_SONG, folder)
    assert np.array_equal(again.samples, vocal.samples)
    assert np.array_equal(again.backing, vocal.backing)
    assert again.truth == truth
    _recalled(truth)


def _after_one(rng):
    rng.random()
    return rng


def _recalled(truth):
    """The streams of muze read all of it."""
    from muze.core.grid import TimeGrid
    from muze.core.registry import Registry

    grid, registry = TimeGrid.of_song(SUNG_SONG.duration), Registry()
    names = ("phoneme", "phoneme_timestamps", "f0", "vibrato", "breath", "voice", "has_vocals")
    told = {name: registry.get("stream", name) for name in names}
    found = {name: cls(cls.Config()).recall(truth, grid) for name, cls in told.items()}
    assert found["phoneme_timestamps"]["phonemes"][0].any()
    assert len(found["phoneme"]["phonemes"]) == len(truth["phoneme_timestamps"])
    assert found["breath"]["breath"].max() > 0.9
    assert found["vibrato"]["present"].any()
    assert found["voice"]["given"][0] == 1
    assert found["has_vocals"]["vocals"][1].all()
    assert found["f0"]["voiced"].any()


def test_a_second_voice_sings_steps_of_the_scale(folder: Path):  # noqa: ARG001
    from muze.voice.score import Phrase, SungNote, SungSyllable
    from muze.voice.syllables import read_line

    from muze_corpus.backing import above
    from muze_corpus.harmony import MODES

    line = read_line("take my hand")
    notes = [SungNote(60.0 + SUNG_SONG.tonic + step, at, at + 0.5)
             for at, step in enumerate(MODES[SUNG_SONG.mode][:3])]  # fmt: skip
    phrase = Phrase(line, tuple(SungSyllable((note,)) for note in notes))
    higher = above(SUNG_SONG, phrase, 2, 90)
    scale = MODES[SUNG_SONG.mode]
    assert [int(n.pitch) - 60 - SUNG_SONG.tonic for n in higher.notes] == list(scale[2:5])
    assert above(SUNG_SONG, phrase, 2, 50).notes[0].pitch == higher.notes[0].pitch - 12
