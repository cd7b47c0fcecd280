"""The restated metrics give the published definitions' answers."""

import pytest

from muze.analysis import mustango
from muze.core.theory import Key


@pytest.mark.parametrize(
    ("bpm", "bin"), [(39, 0), (60, 1), (110, 4), (110.1, 5), (120, 5), (211, 8)]
)
def test_a_tempo_on_a_border_belongs_to_the_bin_below(bpm, bin):
    assert mustango.tempo_bin(bpm) == bin


def test_neighbouring_bins_count_for_tbt_only():
    assert (mustango.same_bin(100, 120), mustango.same_or_next_bin(100, 120)) == (0, 1)
    assert mustango.same_or_next_bin(80, 120) == 0


@pytest.mark.parametrize(
    ("asked", "heard", "ck", "ckd"),
    [("A minor", "A minor", 1, 1), ("A minor", "C major", 0, 1), ("C major", "A minor", 0, 1),
     ("A minor", "F# major", 0, 0), ("C major", "C minor", 0, 0), ("D# minor", "F# major", 0, 1)],
)  # fmt: skip
def test_relative_keys_count_for_ckd_only(asked, heard, ck, ckd):
    keys = Key.parse(asked), Key.parse(heard)
    assert mustango.same_key(*keys) == ck
    assert mustango.same_or_relative_key(*keys) == ckd


@pytest.mark.parametrize(
    ("asked", "heard", "ckd"),
    [("A minor", "A minor", 1), ("A minor", "C major", 0), ("A minor", "F# major", 1),
     ("C major", "D# minor", 1), ("C major", "A minor", 0)],
)  # fmt: skip
def test_the_released_ckd_goes_the_wrong_way(asked, heard, ckd):
    keys = Key.parse(asked), Key.parse(heard)
    assert mustango.same_or_relative_key(*keys, as_released=True) == ckd


def test_exact_match_reads_greedily_and_loses_all_with_the_first_chord():
    asked = ["Am", "F", "C", "G"]
    assert mustango.exact_chord_match(asked, ["Am", "E", "F", "D", "C", "B", "G"]) == 1
    assert mustango.exact_chord_match(asked, ["F", "C", "G"]) == 0
    assert mustango.perfect_chord_match(asked, ["Am", "F", "C"]) == 0
    assert mustango.exact_chord_match([], ["C"]) is None


def test_any_order_counts_each_chord_once():
    assert mustango.chord_match_any_order(["C", "C", "G"], ["G", "C"]) == pytest.approx(2 / 3)
    assert mustango.chord_match_any_order(["C#"], ["Db"]) == 0
    assert mustango.chord_match_any_order_majmin(["C#"], ["Db"]) == 1
    assert mustango.chord_match_any_order_majmin(["Am7", "N"], ["Am", "N"]) == 1
    assert mustango.chord_match_any_order_majmin(["Bdim"], ["Bm"]) == 0
