"""What Kokoro reads: its own symbols for the sounds of speech, and where a text pauses."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from muze.analysis.phonemes import LONG, STRESSES, TIE, Phone
from muze.analysis.phonemizers import Phonemizer, read_words
from muze.core.errors import PluginError
from muze.plugins.voices.kokoro.weights import vocabulary

LONGEST = 500
"""Symbols read at once; the network takes 510, its ends among them."""
LANGUAGES = ("en", "en-gb", "es", "es-419", "fr", "it", "pt", "pt-br", "hi", "ja")
"""Languages it was trained on, less Mandarin, whose tones muze's phonemes do not tell."""
AMERICAN = ("en",)
JOINED = {
    "t͡ʃ": "ʧ", "d͡ʒ": "ʤ", "t͡s": "ʦ", "d͡z": "ʣ", "t͡ɕ": "ʨ", "d͡ʑ": "ʥ",
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "ɚ": "əɹ", "ɝ": "ɜɹ",
}  # fmt: skip
"""Symbols that stand for several letters of the IPA, as Kokoro's own phonemizer writes them."""
ENGLISH = {"ɜː": "ɜɹ", "ɐ": "ə", "r": "ɹ", "ɾ": "T", "e": "ɛ"}
"""What espeak-ng writes for American sounds, and Kokoro writes so."""
OTHERS = {
    "c\u0327": "ç", "ɫ": "l", "l\u0329": "ᵊl", "n\u0329": "ᵊn", "m\u0329": "ᵊm", "r\u0329": "əɹ",
    "ʍ": "w", "ɦ": "h", "ɱ": "m", "ʀ": "ʁ", "ʉ": "u", "ʏ": "y",
}  # fmt: skip
"""Letters that Kokoro has under another name, or has the nearest sound of."""
MARKS = re.compile(r"""(\.{3}|[;:,.!?…—]+(?=["'”’)]*(?:\s|$))|[、。！？]+|\s+[-–—]\s+|\s*\n\s*)""")
SAME = {"、": ",", "。": ".", "！": "!", "？": "?", "-": "—", "–": "—"}
KANJI = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class Symbol:
    """A symbol the network reads, and which of the text's sounds it belongs to; None for pauses."""

    text: str
    phone: int | None


@dataclass(frozen=True)
class Spelling:
    """A text as the network reads it: pieces short enough, and the text's sounds in order."""

    pieces: tuple[tuple[Symbol, ...], ...]
    phones: tuple[Phone, ...]


@lru_cache(maxsize=64)
def spell(text: str, language: str, phonemizer: Phonemizer) -> Spelling:
    """Return a text in Kokoro's symbols, parted at its pauses where it is long.

    Raises:
        PluginError: it holds no words, or a sound or letters that Kokoro has no symbol for.
        NotInstalledError: who reads the language is not there; says how to get it.
    """
    if language == "ja" and (found := KANJI.search(text)):
        raise PluginError(
            f"kokoro reads Japanese in kana; write {found[0]!r} in {text[:20]!r} as it is said"
        )
    phones: list[Phone] = []
    pieces: list[list[Symbol]] = [[]]
    for words, mark in _phrases(text):
        for word in read_words(words, language, phonemizer):
            spelled = [
                Symbol(letter, len(phones) + index)
                for index, phone in enumerate(word.phones)
                for letter in symbols(phone, language)
            ]
            if len(spelled) > LONGEST:
                raise PluginError(
                    f"kokoro reads words of up to {LONGEST} sounds; {word.text[:20]!r}… is longer"
                )
            phones += word.phones
            if len(pieces[-1]) + len(spelled) + 2 > LONGEST:
                pieces.append([])
            pieces[-1] += ([Symbol(" ", None)] if pieces[-1] else []) + spelled
        if pieces[-1] and pieces[-1][-1].phone is not None and mark:
            pieces[-1].append(Symbol(mark, None))
            if mark in ".!?…" and len(pieces[-1]) > LONGEST // 2:
                pieces.append([])
    if not phones:
        raise PluginError(f"kokoro: there are no words in {text[:40]!r}")
    return Spelling(tuple(tuple(piece) for piece in pieces if piece), tuple(phones))


def symbols(phone: Phone, language: str) -> str:
    """Return what Kokoro reads for a sound: one symbol or several, its stress first."""
    sound = phone.symbol
    if language in AMERICAN:
        sound = ENGLISH.get(sound, sound).replace(LONG, "")
    spelled = unicodedata.normalize("NFD", JOINED.get(sound, sound)).replace(TIE, "")
    for letter, known in OTHERS.items():
        spelled = spelled.replace(letter, known)
    if not set(spelled) <= vocabulary().keys():
        raise PluginError(f"kokoro has no symbol for the sound {phone.symbol!r} ({language})")
    return (STRESSES[phone.stress - 1] if phone.stress else "") + spelled


def _phrases(text: str) -> list[tuple[str, str]]:
    """Return what is between two pauses, and the mark of the pause after it."""
    parts = [*MARKS.split(text), ""]
    marks = [_mark(mark) for mark in parts[1::2]]
    return [(words, mark) for words, mark in zip(parts[::2], marks, strict=True) if words.strip()]


def _mark(written: str) -> str:
    """Return what Kokoro reads for a pause; nothing where the text just ends."""
    if written.startswith("..."):
        return "…"
    first = written.strip()[:1]
    return SAME.get(first, first) if first or not written else ","  # a line's end
