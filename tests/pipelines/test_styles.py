import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.core.theory import Chord, Key
from muze.pipelines.styles import (
    PROGRESSIONS,
    STYLES,
    diatonic_chord,
    style_of,
    usual_bpm,
    usual_key,
    usual_progression,
)


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
