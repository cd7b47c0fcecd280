"""Words are sung on their notes: melody, onsets, silence and breaths, heard in the sound."""

import sys
from importlib.metadata import EntryPoint
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from muze import hookimpl
from muze.analysis.melody import melody_scores
from muze.analysis.pitch import track_pitch
from muze.core.errors import PluginError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import GROUP, Registry
from muze.report import SilentReport
from muze.testing.speaking import KnownVoice
from muze.voice.adherence import unpitched
from muze.voice.breath_noise import CATCH, SECONDS
from muze.voice.onsets import heard_onsets, onset_errors
from muze.voice.plan import LinePlan, NotePlan, SyllablePlan, VibratoPlan, VoicePlan
from muze.voice.score import asked_hz, onsets
from muze.voice.sing import sing, unhurried
from muze.voice.singer import Singer
from muze.voice.sung_words import pieces
from muze.voice.syllables import read_line

pytest.importorskip("pyworld")
pytest.importorskip("gruut")
GRID = TimeGrid.of_song(8.0, 120.0)
RATE = 24_000


@pytest.fixture
def registry(monkeypatch):
    module = ModuleType("known_voices")
    module.muze_voices = hookimpl(lambda: [KnownVoice], specname="muze_voices")
    monkeypatch.setitem(sys.modules, "known_voices", module)
    return Registry([EntryPoint("known", "known_voices", GROUP)], [])


def voice_plan(text, notes, **changes):
    """A plan of one line; ``notes`` are (pitch, beat, length) of each syllable's notes."""
    line = read_line(text, "en")
    assert len(line.syllables) == len(notes)
    syllables = tuple(
        SyllablePlan(ipa=str(s), word=s.word, stress=s.stress,
                     notes=tuple(NotePlan(pitch=p, beat=b, length=n) for p, b, n in own))
        for s, own in zip(line.syllables, notes, strict=True)
    )  # fmt: skip
    told = {
        "backend": "known", "voice": "Ada", "language": "en", "about": "known", "delivery": "sung",
        "melody": "told", "vibrato": VibratoPlan(rate=5.5, depth=0.0), "breaths": (), "level": 0.0,
        "effects": None,
        "lines": (LinePlan(text=text, section=0, words=line.words, syllables=syllables),),
    }  # fmt: skip
    return VoicePlan(**{**told, **changes})


def steps(*pitches, first=2.0, length=1.0):
    return [[(p, first + k * length, length)] for k, p in enumerate(pitches)]


def perform(plan, registry, timed=True):
    singer = Singer(KnownVoice(KnownVoice.Config(timed=timed)), plan.voice, "en")
    return sing(plan, singer, GRID, RATE, 7, registry, SilentReport())


def accuracy(song, plan):
    """Raw pitch accuracy where the sounds sung have a pitch."""
    want = asked_hz(plan.phrases(GRID), GRID)
    want = np.where(unpitched(song, GRID), 0, want)
    hz, voiced = track_pitch(song.audio, GRID)
    return melody_scores(want, hz, want > 0, voiced)[0].value


def test_a_line_is_sung_on_its_notes_when_they_begin(registry):
    plan = voice_plan("sail the silver sea", steps(60, 62, 64, 65, 67))
    song = perform(plan, registry)
    assert song.audio.samples.shape == (1, 8 * RATE)
    assert accuracy(song, plan) > 0.95
    asked = onsets(plan.phrases(GRID))
    errors = onset_errors(asked, heard_onsets(song.audio))
    assert (errors <= 0.06).mean() == 1
    assert np.median(errors) < 0.03


def test_nothing_sounds_before_and_after(registry):
    plan = voice_plan("sail away", steps(60, 62, 64))
    samples = perform(plan, registry).audio.samples[0]
    assert np.abs(samples[: round(0.8 * RATE)]).max() < 1e-3
    assert np.abs(samples[round(2.8 * RATE) :]).max() < 1e-3
    assert np.abs(samples[RATE : round(2.4 * RATE)]).max() > 0.02


def test_a_melisma_moves_on_one_vowel(registry):
    plan = voice_plan("sail", [[(60, 2.0, 1.0), (64, 3.0, 1.0), (67, 4.0, 2.0)]])
    song = perform(plan, registry)
    assert accuracy(song, plan) > 0.95
    assert [word.text for word in song.lines[0]] == ["sail"]


def test_the_same_seed_sings_the_same_bits(registry):
    plan = voice_plan("sail away", steps(60, 62, 64))
    first, again = perform(plan, registry), perform(plan, registry)
    assert np.array_equal(first.audio.samples, again.audio.samples)


def test_held_notes_swing_as_they_are_told(registry):
    plan = voice_plan(
        "sea", [[(60, 2.0, 6.0)]], vibrato=VibratoPlan(rate=6.0, depth=60.0, extent=0.8)
    )
    hz, voiced = track_pitch(perform(plan, registry).audio, GRID)
    held = np.log2(hz[250:390][voiced[250:390]]) * 1200
    spectrum = np.abs(np.fft.rfft(held - held.mean(), 1000))
    assert 0.1 * np.argmax(spectrum) == pytest.approx(6.0, abs=0.4)
    assert 35 < (np.percentile(held, 97) - np.percentile(held, 3)) / 2 < 75
    straight = np.log2(hz[120:150][voiced[120:150]]) * 1200
    assert np.ptp(straight) < 45


def test_words_have_their_times(registry):
    plan = voice_plan("sail the silver sea", steps(60, 62, 64, 65, 67))
    words = perform(plan, registry).lines[0]
    assert [w.text for w in words] == ["sail", "the", "silver", "sea"]
    assert [w.start for w in words] == pytest.approx([1.0, 1.5, 2.0, 3.0])
    assert all(a.end <= b.start + 0.01 for a, b in pairwise(words))


def test_a_song_that_begins_with_a_word_begins_with_its_first_sound(registry):
    song = perform(voice_plan("sea sea", steps(60, 62, first=0.0)), registry)
    assert song.phrases[0].placed[0].start >= 0
    assert 0 < song.lines[0][0].start <= 0.08
    assert song.lines[0][1].start == pytest.approx(0.5)


def test_breaths_are_taken_before_phrases_and_where_they_are_told(registry):
    auto = perform(voice_plan("sea sea", steps(60, 62), breaths="auto"), registry)
    (begin,) = auto.breaths
    assert begin + SECONDS + CATCH == pytest.approx(auto.phrases[0].placed[0].start)
    told = perform(voice_plan("sea sea", steps(60, 62), breaths=(5.0,)), registry)
    assert told.breaths == (5.0,)
    noise = told.audio.samples[0, 5 * RATE : round(5.3 * RATE)]
    voice = told.audio.samples[0, RATE : 2 * RATE]
    assert 1e-4 < np.sqrt((noise**2).mean()) < 0.3 * np.sqrt((voice**2).mean())


def test_what_is_spoken_keeps_its_pitch_and_starts_on_its_beat(registry):
    notes = [[(None, 2 + k * 2.0, 2.0)] for k in range(3)]
    plan = voice_plan("sail away", notes, delivery="spoken")
    song = perform(plan, registry)
    hz, voiced = track_pitch(song.audio, GRID)
    assert np.median(hz[voiced]) == pytest.approx(220, rel=0.02)
    assert song.phrases[0].onsets[0] == pytest.approx(1.0)
    # as it was said: the times between vowels are the speaker's
    said = song.spoken[0].phones
    vowels = [span.start for span in said if span.phone[-1] in "eɪəaeɪ"][:3]
    assert np.diff(song.phrases[0].onsets)[1] == pytest.approx(vowels[2] - vowels[1], abs=0.02)


def test_what_has_too_little_room_to_be_said_is_told(registry):
    notes = [[(None, 2 + k * 0.2, 0.2)] for k in range(3)]
    told = r"takes \S+ s to say, and its place in the song lasts 0\.3"
    with pytest.raises(PluginError, match=told):
        perform(voice_plan("sail away", notes, delivery="spoken"), registry)


def test_rap_keeps_the_pitch_and_takes_the_notes_time(registry):
    notes = [[(None, 2 + k * 0.5, 0.5)] for k in range(5)]
    plan = voice_plan("sail the silver sea", notes, delivery="rap")
    song = perform(plan, registry)
    assert song.phrases[0].onsets == pytest.approx([1 + 0.25 * k for k in range(5)])
    hz, voiced = track_pitch(song.audio, GRID)
    assert np.median(hz[voiced]) == pytest.approx(220, rel=0.03)


@pytest.mark.parametrize(("length", "share"), [(2.0, 0.8), (0.45, 0.9), (0.3, 1.0)])
def test_a_slow_line_is_spoken_slower_and_a_quick_one_is_not(length, share):
    plan = voice_plan("sail the silver sea", steps(60, 62, 64, 65, 67, first=0, length=length))
    assert unhurried(plan.phrases(GRID)[0]) == pytest.approx(share)


def test_words_are_heard_in_pieces_that_end_where_nobody_sings():
    spans = [(1.0, 9.0), (10.0, 19.0), (20.0, 29.0), (31.0, 61.0), (62.0, 64.0)]
    voice = Audio(np.arange(6500, dtype=np.float32)[None], 100)
    heard = pieces(voice, spans)
    assert [piece.duration for piece in heard] == [19.5, 10.5, 31.5, 3.5]
    np.testing.assert_array_equal(np.concatenate([p.samples for p in heard], axis=1), voice.samples)
