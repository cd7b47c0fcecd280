import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.grid import SECTION_TYPES
from muze.core.theory import Chord, Key
from muze.pipelines.styles import (
    PROGRESSIONS,
    STYLES,
    asked_bpm,
    asked_key,
    asked_metre,
    diatonic_chord,
    style_of,
    usual_bpm,
    usual_key,
    usual_progression,
)
from muze.pipelines.templates import BARS, ENERGY, TEMPLATES, fit_template

names = st.sampled_from(sorted(TEMPLATES))


def test_the_templates_are_those_of_the_format():
    assert set(TEMPLATES) == {"verse_chorus", "aaba", "build_drop", "through_composed", "loop"}
    assert set(BARS) == set(ENERGY) == set(SECTION_TYPES)


@given(names, st.integers(1, 3000), st.integers(0, 2**31))
def test_a_template_fills_any_number_of_bars_exactly(name, num_bars, seed):
    parts = fit_template(name, num_bars, seed)
    assert sum(part.bars for part in parts) == num_bars
    assert all(part.bars >= 1 and 0 <= part.energy <= 1 for part in parts)
    assert all(part.type in SECTION_TYPES for part in parts)


@given(names, st.integers(32, 600))
def test_sections_of_a_longer_song_are_even_but_for_the_last(name, num_bars):
    assert all(part.bars % 2 == 0 for part in fit_template(name, num_bars, 0)[:-1])


@given(names, st.integers(1, 400), st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_form(name, num_bars, seed):
    assert fit_template(name, num_bars, seed) == fit_template(name, num_bars, seed)


def test_half_a_minute_of_verse_chorus_is_the_specification_s_form():
    parts = fit_template("verse_chorus", 15, 7)
    assert [part.type for part in parts] == ["intro", "verse", "chorus", "verse", "outro"]


def test_a_drop_follows_its_buildup():
    types = [part.type for part in fit_template("build_drop", 64, 0)]
    assert all(types[i + 1] == "drop" for i, kind in enumerate(types) if kind == "buildup")


def test_another_seed_gives_other_energies():
    assert fit_template("aaba", 32, 1) != fit_template("aaba", 32, 2)


@pytest.mark.parametrize(
    ("prompt", "bpm", "key", "metre"),
    [
        ("techno at 132 BPM in F sharp minor", 132, "F# minor", None),
        ("a song in Bb major, 92.5bpm, 6/8", 92.5, "A# major", "6/8"),
        ("slow waltz", None, None, "3/4"),
        ("a minor detail, 4/4 beat", None, None, "4/4"),
        ("in D-flat dorian", None, "C# dorian", None),
        ("a 24/7 radio", None, None, None),
        ("recorded on 1/4 inch tape, 1/2 speed groove", None, None, None),
        ("3/4 inch tape, a 4/4 cello", None, None, None),
        ("a 3/4 view of the sea", None, None, None),
        ("3/4, lazy", None, None, "3/4"),
        ("folk in 3/4", None, None, "3/4"),
        ("a 3/4-time lullaby of 7/8 bars", None, None, "3/4"),
        ("slow 6/8 ballad", None, None, "6/8"),
        ("4/4 in C major", None, "C major", "4/4"),
        ("A major anthem for stadiums", None, None, None),
        ("A minor worry, in C major", None, "C major", None),
        ("synthwave, A minor, 6/8", None, "A minor", "6/8"),
        ("house in the key of A major", None, "A major", None),
        ("Eb minor ballad", None, "D# minor", None),
        ("made in 2024", None, None, None),
    ],
)
def test_what_a_prompt_names_outright_is_heard(prompt, bpm, key, metre):
    assert (asked_bpm(prompt), asked_key(prompt), asked_metre(prompt)) == (bpm, key, metre)


def test_the_longest_name_of_a_genre_wins():
    assert style_of("lo-fi hip hop beats", []) is STYLES["lo-fi hip hop"]
    assert style_of("Lofi beats", []) is STYLES["lo-fi hip hop"]
    assert style_of("drum and bass", []) is STYLES["drum and bass"]
    assert style_of("a rocket", []) is not STYLES["rock"]
    assert style_of("a rock song", ["waltz"]) is STYLES["waltz"]


@given(st.sampled_from(sorted(STYLES)), st.integers(0, 2**31))
def test_decisions_are_in_style_and_repeat(name, seed):
    style = STYLES[name]
    low, high = style.tempo
    bpm = usual_bpm(style, "", seed)
    assert low <= bpm <= high
    assert bpm == usual_bpm(style, "", seed)
    assert usual_bpm(style, "slow", seed) <= (low + high) / 2 <= usual_bpm(style, "fast", seed) + 1
    key = Key.parse(usual_key(style, "", seed))
    assert key.mode in style.modes
    for chord in usual_progression(key, style, "verse", seed):
        sounding = Chord.parse(chord)
        assert sounding is not None
        assert set(sounding.pitch_classes) <= set(key.scale)


def test_dark_words_make_it_minor_and_bright_words_major():
    assert all(usual_key(STYLES["pop"], "sad", seed).endswith("minor") for seed in range(9))
    assert all(usual_key(STYLES["pop"], "happy", seed).endswith("major") for seed in range(9))
    assert usual_key(STYLES["house"], "sunny", 1).endswith("major")


@pytest.mark.parametrize("mode", sorted(PROGRESSIONS))
@pytest.mark.parametrize("seventh", [False, True])
def test_every_degree_of_every_mode_has_a_chord(mode, seventh):
    for degree in range(1, 8):
        assert Chord.parse(diatonic_chord(Key(0, mode), degree, seventh)) is not None


def test_diatonic_chords_are_the_textbook_s():
    a_minor = Key.parse("A minor")
    assert [diatonic_chord(a_minor, d, False) for d in range(1, 8)] == [
        "Am", "Bdim", "C", "Dm", "Em", "F", "G",
    ]  # fmt: skip
    assert diatonic_chord(Key.parse("C major"), 5, True) == "G7"
