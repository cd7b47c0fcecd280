"""The sounds of speech: one fixed inventory of IPA symbols, and words read into it."""

from __future__ import annotations

import itertools
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from muze.core.errors import did_you_mean

log = logging.getLogger(__name__)

TIE, LONG, SHORTER, STRESSES = "\u0361", "ː", ".", "ˈˌ"

_CONSONANTS = (
    "p b t d ʈ ɖ c ɟ k ɡ q ɢ ʔ m ɱ n ɳ ɲ ŋ ɴ ʙ r ʀ ɾ ɽ ɸ β f v θ ð s z ʃ ʒ ʂ ʐ ç ʝ x ɣ χ ʁ ħ ʕ h ɦ "
    "ɬ ɮ ʋ ɹ ɻ j ɰ l ɭ ɫ ʎ ʟ w ʍ ɥ ɕ ʑ ɧ ɺ ɓ ɗ ʄ ɠ ʛ r̝ "
    "t͡s d͡z t͡ʃ d͡ʒ t͡ɕ d͡ʑ ʈ͡ʂ ɖ͡ʐ p͡f "
    "pʲ bʲ tʲ dʲ kʲ ɡʲ fʲ vʲ sʲ zʲ xʲ mʲ nʲ lʲ rʲ"
)
_VOWELS = (
    "i y ɨ ʉ ɯ u ɪ ʏ ʊ e ø ɘ ɵ ɤ o ə ɛ œ ɜ ɞ ʌ ɔ æ ɐ a ɶ ɑ ɒ ɚ ɝ "
    "iː yː ɨː ʉː uː ʏː eː øː ɵː oː ɛː œː ɜː ɔː æː aː ɑː ɒː "
    "ĩ ũ ẽ õ ɛ̃ œ̃ ɔ̃ ã ɑ̃ ɐ̃ aɪ aʊ eɪ oʊ əʊ ɔɪ ɔʏ m̩ n̩ l̩ r̩"
)
CONSONANTS, VOWELS = (
    tuple(unicodedata.normalize("NFC", symbols).split()) for symbols in (_CONSONANTS, _VOWELS)
)
"""Vowels are what a syllable is sung on, syllabic consonants among them."""
PHONEMES = (*CONSONANTS, *VOWELS)
"""A checkpoint knows a sound by its place here, counted from 1: new ones go to the end."""
NUM_IDS = len(PHONEMES) + 1
"""Ids there are; 0 is no sound."""

ALIASES = {
    "g": "ɡ", ":": LONG, "'": "ˈ", "ʦ": "t͡s", "ʣ": "d͡z", "ʧ": "t͡ʃ", "ʤ": "d͡ʒ", "ʨ": "t͡ɕ",
    "ʥ": "d͡ʑ", "ᵻ": "ɪ", "ᵿ": "ʊ", "ɩ": "ɪ", "ɷ": "ʊ", "ᵊ": "ə", "ε": "ɛ",
    "\u035c": TIE, "\u200d": TIE,
}  # fmt: skip
"""Other ways to write what is in the inventory."""
BREAKS = ".|‖‿-"
KNOWN = {unicodedata.normalize("NFD", symbol): symbol for symbol in PHONEMES}
KNOWN |= {f"{s[0]}{TIE}{s[1]}": s for s in PHONEMES if len(s) == 2 and s[1] in "ɪʊʏ"}
UNTIED = {"tʃ": "t͡ʃ", "dʒ": "d͡ʒ"}
LONGEST = max(map(len, KNOWN))
_IDS = {symbol: index for index, symbol in enumerate(PHONEMES, 1)}
_SUNG = frozenset(VOWELS)


@dataclass(frozen=True)
class Phone:
    """One sound of a word; ``stress`` is 1 on a stressed syllable's vowel, 2 on a lesser one's."""

    symbol: str
    stress: int = 0

    @property
    def id(self) -> int:
        """Its place in the inventory, from 1."""
        return _IDS[self.symbol]

    @property
    def sung(self) -> bool:
        """Whether it carries a syllable."""
        return self.symbol in _SUNG

    def __str__(self) -> str:
        """Return it as IPA, ``ˈɛ``."""
        return (STRESSES[self.stress - 1] if self.stress else "") + self.symbol

    @classmethod
    def of(cls, number: int, stress: int = 0) -> Phone:
        """Return the sound at a place of the inventory, from 1."""
        return cls(PHONEMES[number - 1], stress)


def read_ipa(word: str, tied: bool = True) -> tuple[Phone, ...]:
    """Return the sounds of a word in IPA, ``hˈɛdlˌaɪts``; longest symbols first.

    Marks the inventory does not tell apart are taken off, and the log says so. A full stop parts
    what would be read as one. Unless ``tied``, tʃ and dʒ are one sound without their tie too, as
    people write them.

    Raises:
        ValueError: a letter is no IPA; names it and the word.
    """
    text = unicodedata.normalize("NFD", word)
    for other, symbol in ALIASES.items():
        text = text.replace(other, symbol)
    for loose, symbol in UNTIED.items() if not tied else ():
        text = text.replace(loose, symbol)
    text = "".join(c for c in text if not _is_mark(c) or c in _kept() or _told(c))
    phones, stress, at = [], 0, 0
    while at < len(text):
        if text[at] in STRESSES:
            stress = STRESSES.index(text[at]) + 1
        found = next((n for n in range(LONGEST, 0, -1) if text[at : at + n] in KNOWN), 0)
        if found:
            phone = Phone(KNOWN[text[at : at + found]])
            if phone.sung:  # a mark before a consonant is the whole syllable's
                phone, stress = Phone(phone.symbol, stress), 0
            phones.append(phone)
        elif text[at] not in BREAKS and not _is_mark(text[at]):
            hint = did_you_mean(text[at], PHONEMES)
            raise ValueError(f"{text[at]!r} in {word!r} is no sound of the IPA{hint}")
        elif text[at] not in (*BREAKS, *STRESSES):
            _told(text[at])
        at += found or 1
    return tuple(phones)


def write_ipa(phones: Sequence[Phone]) -> str:
    """Return a word in IPA, so that ``read_ipa`` gives its sounds again."""
    joined = "".join(map(str, phones))
    return joined if read_ipa(joined) == tuple(phones) else SHORTER.join(map(str, phones))


def read_phone(text: str) -> Phone:
    """Return the one sound written; ``ValueError`` where it is none, or several."""
    phones = read_ipa(text, tied=False)
    if len(phones) != 1:
        raise ValueError(f"{text!r} is {len(phones) or 'no'} sounds; each has an entry of its own")
    return phones[0]


def syllables(words: Sequence[Sequence[Phone]]) -> list[list[tuple[Phone, bool]]]:
    """Return a line's syllables: sounds, and whether each opens a word.

    Of consonants between two vowels one, or all but the first, goes with the second. A word
    without a vowel, as Polish ``w``, joins the next word, the last of a line the one before.
    """
    out: list[list[tuple[Phone, bool]]] = []
    waiting: list[tuple[Phone, bool]] = []
    for word in words:
        marked = [(phone, index == 0) for index, phone in enumerate(word)]
        nuclei = [index for index, phone in enumerate(word) if phone.sung]
        if not nuclei:
            waiting += marked
            continue
        cuts = [b - max(0, min(b - a - 1, max(1, b - a - 2))) for a, b in _pairs(nuclei)]
        edges = [0, *cuts, len(word)]
        parts = [marked[a:b] for a, b in _pairs(edges)]
        out += [waiting + parts[0], *parts[1:]]
        waiting = []
    if waiting:
        out = [*out[:-1], [*out[-1], *waiting]] if out else [waiting]
    return out


def error_rate(want: Sequence[object], got: Sequence[object]) -> float:
    """Return the edits that turn what was heard into what was asked, by the length asked for.

    (Levenshtein 1966; a word or phoneme error rate.) It passes 1 where much is heard in excess.
    """
    row = list(range(len(got) + 1))
    for i, wanted in enumerate(want, 1):
        above, row[0] = row[0], i
        for j, heard in enumerate(got, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (wanted != heard))
    return row[-1] / max(1, len(want))


def _pairs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(numbers))


@cache
def _kept() -> frozenset[str]:
    """Marks that tell sounds of the inventory apart."""
    return frozenset(c for key in KNOWN for c in key if _is_mark(c)) | set(STRESSES)


def _is_mark(letter: str) -> bool:
    """Whether it changes the letter before it, as diacritics, length and tones do."""
    return unicodedata.category(letter) in ("Mn", "Lm", "Sk", "No")


@cache
def _told(mark: str) -> bool:
    """Say once that a mark is taken off; False."""
    name = unicodedata.name(mark, f"U+{ord(mark):04X}").lower()
    log.info("phonemes are read without their %s; muze's inventory does not tell it apart", name)
    return False
