"""Words as singers read them: syllables with their sounds and stress."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from muze.analysis.phonemes import Phone
from muze.analysis.phonemizers import Phonemizer, read_words

SONORITY = {
    sound: level
    for level, sounds in enumerate((
        "p b t d ʈ ɖ c ɟ k ɡ q ɢ ʔ t͡s d͡z t͡ʃ d͡ʒ t͡ɕ d͡ʑ ʈ͡ʂ ɖ͡ʐ p͡f",
        "ɸ β f v θ ð s z ʃ ʒ ʂ ʐ ç ʝ x ɣ χ ʁ ħ ʕ h ɦ ɬ ɮ ɕ ʑ ɧ",
        "m ɱ n ɳ ɲ ŋ ɴ",
        "l ɭ ɫ ʎ ʟ ʋ",
        "r ʀ ɾ ɽ ɹ ɻ ɺ ʙ r̝",
        "j ɰ w ʍ ɥ",
    ))
    for sound in sounds.split()
}  # fmt: skip
"""How open consonants are; an onset opens towards its vowel (Selkirk 1984)."""
FRICATIVE, NASAL, LIQUID = 1, 2, 3
HISSES = ("s", "ʃ", "ʂ")
"""What may stand before the stop or nasal of an onset: s in street."""
NEVER_FIRST = ("ŋ", "ʔ")
CLASHES = {("t", "l"), ("d", "l"), ("θ", "l")}
"""Onsets that are none, though they open: at-las."""


@dataclass(frozen=True)
class Syllable:
    """Sounds of which one is sung, the word it is of, and whether it opens that word.

    ``nucleus`` is the place of the sung sound; ``stress`` is 1, 2 where it is lesser, 0 for none.
    """

    phones: tuple[Phone, ...]
    word: int
    opens: bool
    nucleus: int
    stress: int

    def __str__(self) -> str:
        """Return it as IPA."""
        return "".join(map(str, self.phones))


@dataclass(frozen=True)
class SungLine:
    """A line of lyrics: its text, its words as they are read, and its syllables."""

    text: str
    words: tuple[str, ...]
    syllables: tuple[Syllable, ...]

    @property
    def phones(self) -> tuple[Phone, ...]:
        """All sounds in order."""
        return tuple(phone for syllable in self.syllables for phone in syllable.phones)


def read_line(text: str, language: str = "en", phonemizer: Phonemizer = "auto") -> SungLine:
    """Return a line's syllables, by maximal onset; one word without a vowel joins its neighbour.

    A word of one syllable that its dictionary gives no stress has none.

    Raises:
        NotInstalledError: nobody here reads the language; says how to get who does.
        ManifestError: a word cannot be read, or none of the line can be sung.
    """
    words = read_words(text, language, phonemizer)
    syllables: list[Syllable] = []
    waiting: tuple[Phone, ...] = ()
    for index, word in enumerate(words):
        parts = syllabify(word.phones)
        if not parts:  # Polish w: it leans on the next word
            waiting += word.phones
            continue
        for number, part in enumerate(parts):
            before = waiting if number == 0 else ()
            phones = (*before, *part)
            nucleus = next(at for at, phone in enumerate(phones) if phone.sung)
            stress = phones[nucleus].stress
            syllables.append(Syllable(phones, index, number == 0, nucleus, stress))
        waiting = ()
    if waiting and syllables:
        last = syllables[-1]
        syllables[-1] = Syllable(
            (*last.phones, *waiting), last.word, last.opens, last.nucleus, last.stress
        )
    return SungLine(text, tuple(word.text for word in words), tuple(syllables))


def syllabify(phones: Sequence[Phone]) -> list[tuple[Phone, ...]]:
    """Return the syllables of one word; none where nothing in it can be sung.

    Consonants between two vowels go with the second as far as they may open a syllable.
    """
    nuclei = [index for index, phone in enumerate(phones) if phone.sung]
    if not nuclei:
        return []
    cuts = []
    for before, after in itertools.pairwise(nuclei):
        cut = after
        while cut - 1 > before and is_onset([p.symbol for p in phones[cut - 1 : after]]):
            cut -= 1
        cuts.append(cut)
    edges = [0, *cuts, len(phones)]
    return [tuple(phones[a:b]) for a, b in itertools.pairwise(edges)]


def is_onset(sounds: Sequence[str]) -> bool:
    """Whether consonants may open a syllable: each is more open than the one before.

    A hiss may stand before all of it.
    """
    if not sounds:
        return True
    if sounds[0] in NEVER_FIRST or tuple(sounds[:2]) in CLASHES:
        return False
    rest = sounds[1:] if len(sounds) > 1 and sounds[0] in HISSES else sounds
    if rest is not sounds and (rest[0] in HISSES or tuple(rest[:2]) in CLASHES):
        return False
    levels = [SONORITY.get(sound[0] if len(sound) == 2 else sound, 0) for sound in rest]
    levels = [SONORITY.get(sound, level) for sound, level in zip(rest, levels, strict=True)]
    rises = all(a < b for a, b in itertools.pairwise(levels))
    steep = all(b >= LIQUID for b in levels[1:])  # kn, tm, pf open no syllable
    return rises and steep
