"""Text to words to phonemes: gruut, and espeak-ng where gruut lacks the language."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from muze.analysis.phonemes import Phone, read_ipa
from muze.core.errors import ManifestError, NotInstalledError, PluginError, did_you_mean

log = logging.getLogger(__name__)

GRUUT = ("ca", "cs", "de", "en", "es", "fr", "it", "lb", "nl", "pt", "ru", "sv", "sw")
"""Languages gruut reads, each from a package of its own; English comes with it."""
ESPEAK = (
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "cy", "da", "el", "en-gb", "eo", "es-419", "et",
    "eu", "fa", "fi", "ga", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "ja", "ka", "kk", "ko",
    "la", "lt", "lv", "mk", "ml", "mr", "ms", "mt", "nb", "pa", "pl", "pt-br", "ro", "sk", "sl",
    "sq", "sr", "ta", "te", "tr", "uk", "ur", "vi", "yue", "cmn",
)  # fmt: skip
"""Languages left to espeak-ng."""
LANGUAGES = tuple(sorted((*GRUUT, *ESPEAK)))
NAMES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "spanish": "es",
    "italian": "it", "dutch": "nl", "portuguese": "pt", "russian": "ru", "swedish": "sv",
    "czech": "cs", "polish": "pl", "polski": "pl", "ukrainian": "uk", "japanese": "ja",
    "chinese": "cmn", "mandarin": "cmn", "zh": "cmn", "korean": "ko", "en-us": "en", "no": "nb",
}  # fmt: skip
"""What people write for some of them; told as a hint."""

Phonemizer = Literal["auto", "gruut", "espeak"]
SECONDS = 60  # espeak-ng reads a song in a few hundredths of one
SWITCHED = re.compile(r"\([^)\s]*\)")
"""How espeak-ng marks a word it reads in another language."""


@dataclass(frozen=True)
class Spoken:
    """A word and its sounds."""

    text: str
    phones: tuple[Phone, ...]


def known_language(code: str) -> str:
    """Return the code in its one spelling; ``ValueError`` for a language nobody here reads."""
    plain = code.strip().lower().replace("_", "-")
    if plain in LANGUAGES:
        return plain
    named = NAMES.get(plain)
    hint = f"; did you mean {named!r}?" if named else did_you_mean(plain, LANGUAGES)
    hint = hint or f"; known are {', '.join(LANGUAGES)}"
    raise ValueError(f"unknown language {code!r}{hint}")


def reader_of(language: str, phonemizer: Phonemizer = "auto") -> Literal["gruut", "espeak"]:
    """Return who reads a language: gruut its own, espeak-ng the rest, unless one is named."""
    if phonemizer != "auto":
        return phonemizer
    return "gruut" if language in GRUUT else "espeak"


@lru_cache(maxsize=4096)
def read_words(
    text: str, language: str = "en", phonemizer: Phonemizer = "auto"
) -> tuple[Spoken, ...]:
    """Return the words of a text and how they sound, as ``reader_of`` the language reads them.

    Raises:
        NotInstalledError: the reader is missing, or lacks the language; says how to get it.
        ManifestError: a word cannot be read.
    """
    reader = reader_of(language, phonemizer)
    read = _gruut if reader == "gruut" else _espeak
    plain = re.sub(r"[\[\]{}<>|]", " ", text)  # espeak-ng would take [[...]] for phonemes
    try:
        words = read(plain, language) if plain.strip() else []
        return tuple(Spoken(text, _phones(ipa)) for text, ipa in words)
    except ValueError as fault:
        raise ManifestError(f"{reader} reads {shorter(text)!r} ({language}) so: {fault}") from None


def shorter(text: str) -> str:
    """Return the beginning of a text, to be told in an error."""
    return text if len(text) <= 40 else f"{text[:39]}…"


def _phones(ipa: tuple[str, ...]) -> tuple[Phone, ...]:
    return tuple(phone for part in ipa for phone in read_ipa(part))


def _gruut(text: str, language: str) -> list[tuple[str, tuple[str, ...]]]:
    try:
        import gruut
    except ModuleNotFoundError:
        raise NotInstalledError(
            f'phonemes of {language!r} need gruut: pip install "muze[lyrics]"'
        ) from None
    code = "en-us" if language == "en" else language
    logging.getLogger("gruut").setLevel(logging.ERROR)  # it tells of each word it guesses
    if language != "en" and not _has_package(f"gruut_lang_{language}"):
        raise NotInstalledError(
            f'phonemes of {language!r} need a package of gruut: pip install "gruut[{language}]"'
        )
    out = []
    for sentence in gruut.sentences(text, lang=code):
        for word in sentence:
            if not word.is_spoken:
                continue
            if not word.phonemes:
                raise ManifestError(f"gruut does not know how {word.text!r} ({language}) is said")
            out.append((word.text, tuple(word.phonemes)))
    return out


def _has_package(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _espeak(text: str, language: str) -> list[tuple[str, tuple[str, ...]]]:
    program = shutil.which("espeak-ng")
    if program is None:
        told = "gruut does not read it" if language not in GRUUT else "the model was trained so"
        raise NotInstalledError(
            f"phonemes of {language!r} need espeak-ng ({told}), which is not installed; "
            "on Debian: apt install espeak-ng"
        )
    voice = "en-us" if language == "en" else language
    # text goes through stdin, never through a shell or the arguments; ties mark affricates
    command = [program, "-q", "--ipa=3", "-b", "1", "-v", voice, "--stdin"]
    done = subprocess.run(
        command, input=text.encode(), capture_output=True, check=False, timeout=SECONDS
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["failed"]
        raise PluginError(f"espeak-ng cannot read {language!r}: {lines[-1]}")
    heard = re.sub(r"[0-9#]", "", SWITCHED.sub("", done.stdout.decode())).split()
    heard = [word for word in heard if read_ipa(word)]
    written = re.findall(r"\w[\w'’-]*", text)
    # a number is several words, and some are joined: then only their sounds tell them apart
    names = written if len(written) == len(heard) else heard
    return [(name, (ipa,)) for name, ipa in zip(names, heard, strict=True)]
