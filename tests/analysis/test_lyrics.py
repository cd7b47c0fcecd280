import itertools
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muze.analysis.lyrics import (
    CONSONANT,
    Block,
    misplaced,
    read_blocks,
    sing,
    spread,
    unsung,
)
from muze.analysis.phonemes import read_ipa
from muze.core.errors import ManifestError
from muze.core.grid import Metre, SectionSpan, TimeGrid

SECTIONS = tuple(
    SectionSpan(kind, 4.0 * index, 4.0 * index + 4)
    for index, kind in enumerate(("intro", "verse", "chorus", "chorus"))
)
SONG = TimeGrid.of_song(16.0, 120.0, sections=SECTIONS)
PLAIN = TimeGrid.of_song(16.0, 120.0)


def words(sung):
    return [round(sound.start, 3) for sound in sung if sound.opens]


def test_blocks_are_parted_by_their_marks():
    assert read_blocks("Oh\n[verse] Rain, rain\n go\n\n[Pre-Chorus 2]\nDrive") == [
        Block(None, ("Oh",)),
        Block("verse", ("Rain, rain", "go")),
        Block("pre_chorus", ("Drive",)),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [("[vers] la", "unknown type 'vers'; did you mean 'verse'"), ("[verse]", "holds no words"),
     ("...", "holds no words"), ("", "holds no words")],
)  # fmt: skip
def test_lyrics_that_make_no_sense_are_told(text, told):
    with pytest.raises(ValueError, match=told):
        read_blocks(text)


def test_a_syllable_comes_on_each_beat():
    assert words(sing("la la la la", "en", PLAIN)) == [0.0, 0.5, 1.0, 1.5]


def test_lines_share_the_bars_and_begin_on_bar_lines():
    # 8 bars of 2 s for three lines: 2.67 bars each
    lines = sing("la la\nla\nla", "en", PLAIN)
    assert words(lines) == [0.0, 0.5, 6.0, 12.0]


def test_a_long_line_comes_on_half_beats():
    assert words(sing("la " * 40, "en", PLAIN))[:3] == [0.0, 0.25, 0.5]


def test_too_many_syllables_share_the_time_and_that_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        sung = sing("la " * 20, "en", TimeGrid.of_song(1.0, 120.0))
    assert words(sung)[:2] == [0.0, 0.05]
    assert "20 syllables in 2.0 beats" in caplog.text


def test_a_marked_block_is_sung_by_the_sections_of_its_type():
    sung = sing("[verse] rain\n[chorus] drive", "en", SONG)
    assert words(sung) == [4.0, 8.0, 12.0]
    both = sing("[chorus] rain\n[chorus] drive", "en", SONG)
    assert words(both) == [8.0, 12.0]
    assert [str(s.phone) for s in both if s.opens] == ["ɹ", "d"]


def test_words_before_the_first_mark_end_where_its_section_begins():
    assert words(sing("la la la la la la la la\n[verse] rain", "en", SONG))[-2:] == [3.5, 4.0]


def test_a_section_that_says_lyrics_of_its_own_is_alone():
    window = SONG.between(8.0, 12.0)
    assert words(sing("rain", "en", window)) == [8.0]
    assert words(sing("[chorus] rain", "en", window)) == [8.0]


@pytest.mark.parametrize("bpm", [93, 110, 117, 137, 143])
@pytest.mark.parametrize("bar", [3, 4, 5, 7])
def test_a_section_begins_on_its_bar_line_though_its_frames_do_not(bpm, bar):
    ends = [240 / bpm * b for b in (0, bar, bar + 4, bar + 8)]
    sections = tuple(map(SectionSpan, ("intro", "verse", "chorus"), ends, ends[1:]))
    song = TimeGrid.of_song(ends[-1], bpm, sections=sections)
    for span in sections[1:]:
        window = song.between(span.start, span.end)
        beats = song.to_beats(words(sing("la\nla\nla\nla", "en", window)))
        first = song.to_beats(span.start)
        assert beats == pytest.approx(first + np.arange(0, 16, 4), abs=0.01)
        (word,) = words(sing(f"[{span.type}] la", "en", window))
        assert word == pytest.approx(span.start, abs=1e-3)
        other = "verse" if span.type == "chorus" else "chorus"
        with pytest.raises(ManifestError, match=f"are those of a section of type {span.type}$"):
            sing(f"[{other}] la", "en", window)


def test_all_that_finds_no_place_is_told_at_once():
    told = misplaced("Oh\n[intro] la\n[intro] la\n[solo] la\n[bridge 2] la", SONG)
    assert told.split("; ") == [
        "lyrics mark a [solo] and a [bridge], but the song has none",
        "it has intro, verse, chorus",
        "lyrics mark 2 times [intro], but the song has 1",
        "lyrics before the first mark have no room: a marked section, [intro], begins the song",
    ]
    assert misplaced("Oh\n[verse] la\n[chorus] la\n[chorus] la", SONG) == ""
    assert misplaced("[solo] la", PLAIN) == ""
    assert unsung("Oh\n[intro] la\n[intro] la", SONG) == ""
    assert unsung("[solo] la", SONG.between(4.0, 8.0)) == (
        "lyrics mark a [solo], but are those of a section of type verse"
    )


@pytest.mark.parametrize("bpm", [107, 117, 119])
def test_a_song_that_ends_within_a_frame_keeps_its_lines_on_bar_lines(bpm):
    for bars in (2, 4, 6, 8):
        grid = TimeGrid.of_song(bars * 240 / bpm, bpm)
        beats = grid.to_beats(words(sing("la\nla", "en", grid)))
        assert beats == pytest.approx([0, bars * 2], abs=0.01)


@pytest.mark.parametrize("text", ["Oh\n[intro] rain", "Oh\n[verse] rain\n[intro] go"])
def test_words_before_a_mark_that_begins_the_song_have_no_room(text):
    with pytest.raises(ManifestError, match=r"no room: a marked section, \[intro\], begins"):
        sing(text, "en", SONG)


def test_marks_mean_nothing_where_there_are_no_sections():
    assert words(sing("[verse] rain\n[chorus] drive", "en", PLAIN)) == [0.0, 8.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [("[bridge] rain", r"mark a \[bridge\], but the song has none; it has intro, verse, chorus"),
     ("[verse] rain [verse] go", r"mark 2 times \[verse\], but the song has 1")],
)  # fmt: skip
def test_marks_without_a_section_are_told(text, told):
    with pytest.raises(ManifestError, match=told):
        sing(text, "en", SONG)


def test_a_vowel_is_held_and_consonants_are_short():
    sung = spread(read_ipa("ɹˈeɪn"), 1.0, 2.0)
    assert [round(s.end - s.start, 3) for s in sung] == [CONSONANT, 1 - 2 * CONSONANT, CONSONANT]
    assert [s.opens for s in sung] == [True, False, False]
    assert sung[0].start == 1.0
    assert sung[-1].end == 2.0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(["la", "rain", "until"]), min_size=1), min_size=1),
    st.floats(0.3, 20.0),
    st.floats(40, 240),
    st.floats(0, 1.5),
    st.sampled_from(["4/4", "3/4", "6/8", "5/4"]),
)
def test_sounds_come_one_after_another_inside_the_grid(lines, duration, bpm, first_beat, metre):
    grid = TimeGrid.of_song(duration, bpm, Metre.parse(metre), first_beat=first_beat)
    sung = sing("\n".join(" ".join(line) for line in lines), "en", grid)
    assert sum(s.opens for s in sung) == sum(map(len, lines))
    assert all(s.end >= s.start for s in sung)
    assert all(b.start >= a.end - 1e-6 for a, b in itertools.pairwise(sung))
    assert sung[0].start >= -1e-6
    assert sung[-1].end <= grid.duration + 1e-6
