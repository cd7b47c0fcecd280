"""Sections found and named in sound whose form is known. A bar lasts two seconds throughout."""

from itertools import pairwise

import numpy as np
import pytest

from muze.analysis import borders
from muze.analysis.bars import averaged, bar_lines, hear_bars
from muze.analysis.borders import find_borders, likeliest
from muze.analysis.section_types import CUES, WEIGHTS, find_repeats, section_cues
from muze.analysis.structure import hear_segments
from muze.core.grid import SECTION_TYPES, Audio, TimeGrid
from muze.testing import sounds
from muze.testing.drumming import drumming

BAR = 2.0


def joined(*parts):
    return Audio(np.concatenate([p.samples for p in parts], axis=1), parts[0].sample_rate)


def mixed(*parts):
    return Audio(sum(p.samples for p in parts), parts[0].sample_rate)


def soft(bars):
    """Chords, a bass drum and a soft hat."""
    hits = {"kick": np.arange(bars) * BAR, "hat": np.arange(4 * bars) / 2}
    chords = sounds.chords((["C", "Am", "F", "G"] * bars)[:bars], BAR, 0.25)
    return mixed(chords, drumming(hits, BAR * bars, level=0.15))


def still(bars):
    """A few other chords, far softer, alone."""
    return sounds.chords((["Dm", "Bb", "Dm", "A"] * bars)[:bars], BAR, 0.05)


def full(bars):
    """Other chords, a tune and drums."""
    beats = np.arange(4 * bars) / 2
    hits = {"kick": beats[::2], "snare": beats[1::2], "hat": np.arange(8 * bars) / 4}
    chords = sounds.chords((["F", "G", "Em", "Am"] * bars)[:bars], BAR, 0.2)
    tune = sounds.melody(([76, 79, 81, 79, 77, 76, 74, 72] * bars)[: 4 * bars], BAR / 4, 0.3)
    return mixed(chords, tune, drumming(hits, BAR * bars, level=0.4))


def rising(bars):
    """A roll that gets louder and denser over one chord."""
    times = np.concatenate([
        np.arange(bar * BAR, (bar + 1) * BAR, BAR / (4 + 4 * bar)) for bar in range(bars)
    ])  # fmt: skip
    roll = drumming({"snare": times}, BAR * bars, level=0.5)
    ramp = np.linspace(0.2, 1, roll.samples.shape[1], dtype=np.float32)
    return mixed(
        Audio(roll.samples * ramp, roll.sample_rate), sounds.chords(["A"] * bars, BAR, 0.1)
    )


def another(bars):
    """Another tune, with other drums."""
    hits = {"kick": np.arange(bars) * BAR, "snare": np.arange(bars) * BAR + 1.5,
            "cymbal": np.arange(4 * bars) / 2}  # fmt: skip
    tune = sounds.melody(([60, 67, 63, 70, 65, 72, 68, 60] * bars)[: 4 * bars], BAR / 4, 0.4)
    return mixed(tune, drumming(hits, BAR * bars, level=0.4))


def grid_of(audio, **about):
    return TimeGrid.of_song(audio.duration, **about)


@pytest.fixture(scope="module")
def abab():
    return joined(soft(8), full(8), soft(8), full(8))


@pytest.fixture(scope="module")
def segments(abab):
    return hear_segments(abab, grid_of(abab))


def test_sections_begin_where_the_music_changes(segments):
    assert [s.start for s in segments] == [0.0, 16.0, 32.0, 48.0]


def test_what_comes_again_has_the_same_name_and_the_loudest_of_it_is_the_chorus(segments):
    assert [s.type for s in segments] == ["verse", "chorus", "verse", "chorus"]


def test_energy_and_confidence_are_from_0_to_1_and_full_sections_have_more_energy(segments):
    calm, lively = segments[0].energy, segments[1].energy
    assert 0 <= calm < lively - 0.3 <= 0.7
    assert all(0.25 <= s.confidence <= 1 for s in segments)


def test_segments_cover_the_grid_without_gaps(segments, abab):
    assert segments[0].start == 0
    assert segments[-1].end == pytest.approx(abab.duration)
    assert all(before.end == after.start for before, after in pairwise(segments))


def test_the_same_sound_gives_the_same_segments_at_any_loudness(segments, abab):
    assert hear_segments(abab, grid_of(abab)) == segments
    quiet = Audio(abab.samples * np.float32(0.25), abab.sample_rate)
    heard = hear_segments(quiet, grid_of(quiet))
    assert [(s.type, s.start) for s in heard] == [(s.type, s.start) for s in segments]


def test_borders_lie_on_the_bar_lines_of_the_grid_also_after_a_pickup(abab):
    audio = joined(sounds.silence(0.7), abab)
    grid = grid_of(audio, first_beat=0.7)
    starts = [s.start for s in hear_segments(audio, grid)]
    assert len(starts) > 1
    assert all(np.abs(grid.bar_times - start).min() < 1e-9 for start in starts[1:])
    assert {16.7, 32.7, 48.7} <= {round(start, 3) for start in starts}


def test_a_grid_that_starts_later_gives_seconds_of_the_song(abab):
    song = TimeGrid.of_song(200.0)
    grid = song.between(100.0, 164.0)
    assert [s.start for s in hear_segments(abab, grid)] == [100.0, 116.0, 132.0, 148.0]


def test_the_soft_ends_of_a_song_are_intro_and_outro():
    ending = sounds.chords(["Gm", "C", "Fm", "C"], BAR, 0.2)
    fade = np.linspace(1, 0.05, ending.samples.shape[1], dtype=np.float32)
    outro = Audio(ending.samples * fade, ending.sample_rate)
    audio = joined(still(4), soft(8), full(8), soft(8), full(8), outro)
    types = [s.type for s in hear_segments(audio, grid_of(audio))]
    assert (types[0], types[-1]) == ("intro", "outro")


def test_what_rises_is_a_buildup_and_the_full_section_after_it_a_drop():
    half = joined(soft(8), rising(4), full(8))
    audio = joined(still(4), half, half)
    found = [(s.type, s.start) for s in hear_segments(audio, grid_of(audio))]
    assert found == [
        ("intro", 0.0), ("verse", 8.0), ("buildup", 24.0), ("drop", 32.0),
        ("verse", 48.0), ("buildup", 64.0), ("drop", 72.0),
    ]  # fmt: skip


def test_a_section_without_a_voice_among_sung_ones_is_a_solo_or_instrumental():
    audio = joined(soft(8), full(8), soft(8), full(8), another(8), full(8))
    grid = grid_of(audio)
    sung = np.ones(grid.frames, bool)
    sung[6400:8000] = False
    heard = {s.start: s.type for s in hear_segments(audio, grid, sung)}
    assert [heard[at] for at in (0.0, 16.0, 32.0, 48.0, 80.0)] == [
        "verse", "chorus", "verse", "chorus", "chorus",
    ]  # fmt: skip
    assert heard[64.0] in ("solo", "instrumental")
    sung[:] = True
    everywhere = {s.start: s.type for s in hear_segments(audio, grid, sung)}
    assert everywhere[64.0] not in ("solo", "instrumental")


def test_a_voice_speaks_for_sung_types_and_against_the_others():
    sung = {t for t, weights in WEIGHTS.items() if weights.get("voice", 0) > 0}
    assert sung == {"verse", "pre_chorus", "chorus", "bridge"}
    assert set(WEIGHTS) == set(SECTION_TYPES) - {"unknown"}


def test_no_voice_anywhere_is_as_if_nothing_were_known_of_voices(abab):
    grid = grid_of(abab)
    silent = np.zeros(grid.frames, bool)
    assert hear_segments(abab, grid, silent) == hear_segments(abab, grid)


@pytest.mark.parametrize("audio", [sounds.silence(60.0), sounds.noise(7.0), full(2)])
def test_silence_and_what_is_too_short_is_one_unknown_segment(audio):
    (only,) = hear_segments(audio, grid_of(audio))
    assert (only.type, only.start, only.confidence) == ("unknown", 0.0, 0.0)
    assert only.end == pytest.approx(audio.duration)


def test_an_even_sound_is_one_unknown_segment():
    audio = sounds.noise(40.0)
    (only,) = hear_segments(audio, grid_of(audio))
    assert (only.type, only.confidence) == ("unknown", 0.0)


def test_sound_that_ends_before_its_grid_is_covered_all_the_same(abab):
    grid = TimeGrid.of_song(abab.duration + 9.3)
    heard = hear_segments(abab, grid)
    assert heard[-1].end == pytest.approx(grid.duration)
    assert [s.start for s in heard[:4]] == [0.0, 16.0, 32.0, 48.0]


def test_a_bar_that_is_mostly_cut_off_belongs_to_its_neighbour():
    grid = TimeGrid.of_song(20.5, first_beat=0.5)
    assert bar_lines(grid).tolist() == [0.0, *np.arange(2.5, 19, 2.0), 20.5]
    assert bar_lines(TimeGrid.of_song(3.0, tempo=30.0)).tolist() == [0.0, 3.0]


def test_means_between_edges_are_those_of_the_frames_inside():
    x = np.arange(10.0)[None]
    edges = np.asarray([0.0, 0.2, 0.5, 0.5, 1.0])
    assert averaged(x, 10.0, edges).tolist() == [[0.5, 3.0, 5.0, 7.0]]
    assert averaged(x, 10.0, np.asarray([0.0, 0.9, 2.0, 3.0])).tolist() == [[4.0, 9.0, 9.0]]
    assert averaged(x, 10.0, np.asarray([0.0, 0.5, 0.5])).tolist() == [[2.0, 5.0]]


def test_the_likeliest_division_prefers_phrases_of_even_length():
    lines = np.arange(17) * BAR
    logits = np.full(16, -6.0)
    logits[[7, 8]] = 1.0, 0.8
    assert likeliest(logits, lines) == [8]
    logits[7] = 5.0
    assert likeliest(logits, lines) == [7]
    assert likeliest(np.full(16, -6.0), lines) == []


def test_repeats_compared_in_pieces_are_those_of_the_whole(abab, monkeypatch):
    bars = hear_bars(abab, grid_of(abab))
    whole = find_borders(bars)
    monkeypatch.setattr(borders, "ROWS", 5)
    pieces = find_borders(bars)
    assert pieces[0] == whole[0] == [8, 16, 24]
    np.testing.assert_allclose(pieces[1], whole[1], atol=1e-5)


def test_a_bar_repeats_those_it_resembles_and_never_itself():
    kinds = np.tile(np.eye(4), 3)  # four kinds of bar in turn, three times
    lags = np.flatnonzero(borders._repeats(kinds).any(axis=1)) - 11
    assert lags.tolist() == [-8, -4, 4, 8]


def test_what_bars_sound_like_does_not_depend_on_loudness(abab):
    quiet = Audio(abab.samples * np.float32(0.1), abab.sample_rate)
    loud, soft_ = (hear_bars(audio, grid_of(audio)) for audio in (abab, quiet))
    for heard in ("timbre", "rhythm", "notes"):
        np.testing.assert_allclose(getattr(soft_, heard), getattr(loud, heard), atol=1e-3)


def test_groups_tell_what_is_the_same_again_whatever_its_loudness(abab):
    softer = Audio(full(8).samples * np.float32(0.6), abab.sample_rate)
    audio = joined(soft(8), full(8), soft(8), softer)
    groups = find_repeats(hear_bars(audio, grid_of(audio)), [0, 8, 16, 24, 32])
    assert groups[0] == groups[2] != groups[1] == groups[3]


def test_cues_tell_what_they_are_named_after(abab):
    bars = hear_bars(abab, grid_of(abab))
    edges = [0, 8, 16, 24, 32]
    cues = section_cues(bars, edges, np.asarray([1, 2, 1, 2]), np.asarray([0.0, 0.9, 0.0, 0.2]))
    named = dict(zip(CUES, cues.T, strict=True))
    assert named["first"].tolist() == [1, 0, 0, 0]
    assert named["last"].tolist() == [0, 0, 0, 1]
    assert named["hook"].tolist() == [0, 1, 0, 1]
    assert named["again"].tolist() == [1, 1, 1, 1]
    assert named["level"] == pytest.approx([-1, 1, -1, 1], abs=0.2)
    assert named["voice"] == pytest.approx([-1, 0.5, -1, 0.5])
