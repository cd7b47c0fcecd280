import pytest

from muze.data.names import folded, printable, short


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Żółw 東京 مرحبا", "Żółw 東京 مرحبا"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_what_it_is(name, shown):
    assert printable(name) == shown


def test_a_long_name_is_cut_between_words_where_it_can_be():
    assert short("one two-three four", 17) == "one two-three ..."
    assert short("one two-three four", 16) == "one ..."
    assert len(short("x" * 99, 20)) == 20
    assert short("plain", 20) == "plain"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", " ada "), ("A  B", "a b"), ("Ｆｕｎｋ", "funk"), ("Straße", "STRASSE")],
)
def test_names_are_compared_without_capitals_spaces_and_forms(one, other):
    assert folded(one) == folded(other)
    assert folded("Ada") != folded("Adah")
