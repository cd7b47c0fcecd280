import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muze.analysis.phonemes import (
    NUM_IDS,
    PHONEMES,
    VOWELS,
    Phone,
    error_rate,
    read_ipa,
    read_phone,
    syllables,
    write_ipa,
)


def spelled(word, **how):
    return [str(phone) for phone in read_ipa(word, **how)]


def test_every_sound_has_a_place_of_its_own_from_one():
    assert len(set(PHONEMES)) == len(PHONEMES) == NUM_IDS - 1
    assert [Phone(symbol).id for symbol in PHONEMES] == list(range(1, NUM_IDS))
    assert [Phone.of(n).symbol for n in range(1, NUM_IDS)] == list(PHONEMES)


def test_the_places_that_checkpoints_know_do_not_move():
    assert {s: Phone(s).id for s in ("p", "ɹ", "t͡ʃ", "rʲ", "i", "iː", "aɪ", "r̩")} == {
        "p": 1, "ɹ": 51, "t͡ʃ": 75, "rʲ": 96, "i": 97, "iː": 127, "aɪ": 155, "r̩": 165,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "sounds"),
    [
        ("hˈɛdlˌaɪts", ["h", "ˈɛ", "d", "l", "ˌaɪ", "t", "s"]),
        ("ˈlaɪts", ["l", "ˈaɪ", "t", "s"]),  # a stress mark before the syllable
        ("hˈɛdla\u200dɪts", ["h", "ˈɛ", "d", "l", "aɪ", "t", "s"]),  # as espeak-ng ties
        ("tʃt\u200dɕˈiɲʲɛ", ["t", "ʃ", "t͡ɕ", "ˈi", "ɲ", "ɛ"]),
        ("t̪͡s̪a", ["t͡s", "a"]),
        ("vʲeːt͡ɕ", ["vʲ", "eː", "t͡ɕ"]),
        ("ɡg", ["ɡ", "ɡ"]),
        ("kʰæt", ["k", "æ", "t"]),
        ("pa.is", ["p", "a", "i", "s"]),
        ("a.ɪ", ["a", "ɪ"]),
        ("ç", ["ç"]),
        ("c\u0327", ["ç"]),
    ],
)
def test_words_are_read_longest_symbol_first(written, sounds):
    assert spelled(written) == sounds


def test_people_need_no_tie_in_affricates_but_a_phonemizer_means_two_sounds():
    assert spelled("tʃɜːtʃ", tied=False) == ["t͡ʃ", "ɜː", "t͡ʃ"]
    assert spelled("tʃɜː") == ["t", "ʃ", "ɜː"]
    assert spelled("t.ʃɜː", tied=False) == ["t", "ʃ", "ɜː"]


def test_what_is_no_sound_is_told_with_its_word():
    with pytest.raises(ValueError, match="'Q' in 'heQlo' is no sound of the IPA"):
        read_ipa("heQlo")


def test_a_mark_the_inventory_does_not_tell_apart_is_taken_off_and_told(caplog):
    with caplog.at_level(logging.INFO):
        assert spelled("a\u0330") == ["a"]  # creaky voice; no other test takes it off
    assert "combining tilde below" in caplog.text


@pytest.mark.parametrize(("text", "told"), [("ab", "2 sounds"), ("", "no sounds"), ("ˈ", "no")])
def test_one_sound_is_one(text, told):
    assert str(read_phone("tʃ")) == "t͡ʃ"
    with pytest.raises(ValueError, match=told):
        read_phone(text)


@st.composite
def phones(draw):
    symbol = draw(st.sampled_from(PHONEMES))
    return Phone(symbol, draw(st.integers(0, 2)) if symbol in VOWELS else 0)


@given(st.lists(phones(), max_size=12))
def test_what_is_written_is_read_again(word):
    assert read_ipa(write_ipa(word)) == tuple(word)
    assert read_ipa(unicodedata.normalize("NFD", write_ipa(word))) == tuple(word)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused_in_one_line(text):
    told = ""
    try:
        assert all(phone.symbol in PHONEMES for phone in read_ipa(text))
    except ValueError as fault:
        told = str(fault)
    assert not told or "no sound of the IPA" in told


def test_syllables_part_words_before_the_last_consonants():
    line = [read_ipa(word) for word in ("hˈɛdlˌaɪts", "ɛkstɹə", "mˈɔɹnɪŋ")]
    parts = ["".join(p.symbol for p, _ in part) for part in syllables(line)]
    assert parts == ["hɛd", "laɪts", "ɛk", "stɹə", "mɔɹ", "nɪŋ"]
    opened = [any(opens for _, opens in part) for part in syllables(line)]
    assert opened == [True, False, True, False, True, False]


def test_a_word_without_a_vowel_joins_its_neighbour():
    first = syllables([read_ipa("f"), read_ipa("lɛɕɛ")])
    assert ["".join(p.symbol for p, _ in part) for part in first] == ["flɛ", "ɕɛ"]
    assert [opens for _, opens in first[0]] == [True, True, False]
    last = syllables([read_ipa("la"), read_ipa("ʃ")])
    assert ["".join(p.symbol for p, _ in part) for part in last] == ["laʃ"]
    assert len(syllables([read_ipa("ʃ")])) == 1


@given(st.lists(st.lists(phones(), min_size=1, max_size=8), max_size=6))
def test_syllables_hold_every_sound_once_in_order(words):
    flat = [phone for part in syllables(words) for phone, _ in part]
    assert flat == [phone for word in words for phone in word]


@pytest.mark.parametrize(
    ("want", "got", "rate"),
    [("abcd", "abcd", 0), ("abcd", "abxd", 1 / 4), ("abcd", "acd", 1 / 4), ("ab", "axb", 1 / 2),
     ("ab", "", 1), ("ab", "axxxb", 3 / 2)],
)  # fmt: skip
def test_error_rate_counts_edits_by_what_was_asked(want, got, rate):
    assert error_rate(want, got) == rate
