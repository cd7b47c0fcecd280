"""Words become syllables as singers part them."""

import pytest

from muze.analysis.phonemes import read_ipa
from muze.voice.syllables import is_onset, read_line, syllabify


@pytest.mark.parametrize(
    ("ipa", "parted"),
    [
        ("mˈɔɹnɪŋ", ["mɔɹ", "nɪŋ"]),
        ("ˈɛkstɹə", ["ɛk", "stɹə"]),
        ("ˈætləs", ["æt", "ləs"]),
        ("sˈɪŋɪŋ", ["sɪŋ", "ɪŋ"]),
        ("ˈæftɚ", ["æf", "tɚ"]),
        ("ɹˈiɔ", ["ɹi", "ɔ"]),
        ("hˈɛdlˌaɪts", ["hɛd", "laɪts"]),
        ("t͡ʃˈɪldɹən", ["t͡ʃɪl", "dɹən"]),
        ("s", []),
    ],
)
def test_consonants_go_with_the_vowel_after_them_as_far_as_they_may(ipa, parted):
    told = ["".join(p.symbol for p in part) for part in syllabify(read_ipa(ipa))]
    assert told == parted


@pytest.mark.parametrize(
    ("sounds", "opens"),
    [("s t ɹ", True), ("p l", True), ("t l", False), ("ŋ", False), ("l t", False), ("k n", False),
     ("", True), ("s k w", True), ("t͡ʃ", True)],
)  # fmt: skip
def test_an_onset_opens_towards_its_vowel(sounds, opens):
    assert is_onset(sounds.split()) is opens


def test_stress_and_words_are_kept():
    pytest.importorskip("gruut")
    line = read_line("Drive until the morning", "en")
    assert line.words == ("Drive", "until", "the", "morning")
    assert [s.word for s in line.syllables] == [0, 1, 1, 2, 3, 3]
    assert [s.opens for s in line.syllables] == [True, True, False, True, True, False]
    assert [s.stress for s in line.syllables] == [1, 0, 1, 0, 1, 0]
    assert all(s.phones[s.nucleus].sung for s in line.syllables)
    assert sum(len(s.phones) for s in line.syllables) == len(line.phones)
