"""What a prompt's words name outright: tempo, key, metre, genres."""

from __future__ import annotations

import re
from collections.abc import Callable

from muze.core.theory import Key

MOOD_NOT_GENRE = {"musical", "film", "romantic", "swing", "experimental", "house band"}
"""Words of the genre vocabulary that in a prompt more often mean something else."""
LONGEST_GENRE = 3
"""Words in the longest name of a genre: lo-fi hip hop."""

BPM = re.compile(r"(\d+(?:\.\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)
KEY = re.compile(
    r"\b([A-Ga-g])(?:([#b])|[ -]((?i:sharp|flat)))?"
    r"(?:[ -]((?i:major|minor|dorian|phrygian|lydian|mixolydian|harmonic minor))\b|(?![\w#'-]))"
)
METRE = re.compile(r"(?<![\d/.])(?:[234]/4|5/4|[679]/8|12/8)(?![\d/])")
"""The time signatures in use; 1/4 and 2/3 are other things."""
OPENS = re.compile(r"(^|[,;:.(|])\s*$")
CLOSES = re.compile(r"\s*($|[,;:.)|])")
KEY_BEFORE = re.compile(r"\b(in|key( of)?:?)\s+$", re.IGNORECASE)
KEY_OF = re.compile(r"\bkey( of)?:?\s+$", re.IGNORECASE)
KEY_ENDS = re.compile(r"\s*($|[,;:.!?)|]|(at|with)\b)", re.IGNORECASE)
"""What follows a key that no noun follows, as ``in a minor mood``."""
KEY_AFTER = re.compile(r"\s+(key|scale|tonality)\b", re.IGNORECASE)
METRE_BEFORE = re.compile(r"\b(in|metre|meter|time|signature):?\s+(an?\s+)?$", re.IGNORECASE)
METRE_AFTER = re.compile(
    r"[\s-]+(time|metre|meter|signature|beats?|rhythm|groove|feel|swing|shuffle|waltz)\b",
    re.IGNORECASE,
)
MEASURE_AFTER = re.compile(
    r"[\s-]*(inch(es)?|speed|sized?|length|violin|viola|cello)\b", re.IGNORECASE
)
"""What makes a time signature the size of something: 7/8 inch, a 4/4 cello."""
THREE = re.compile(r"\b(waltz|waltzing|lullaby)\b", re.IGNORECASE)
SIX = re.compile(r"\b(jig|tarantella)\b", re.IGNORECASE)
PHRASE = r"(?:\s+(?!(?:but|with|only|just|n?or)\b)[\w&'-]+){1,4}"
NEGATED = re.compile(
    r"(?<![\w'-])(?:no|not(?! (?:only|just|so|too|very)\b)|isn't|without|avoid|except"
    r"|(?:any|every)thing but|instead of|rather than)"
    rf"{PHRASE}(?:(?:,\s+[\w&'-]+)*,?\s+n?or{PHRASE})*",
    re.IGNORECASE,
)
"""A negation with the three words and the genre behind it, and with a list that ``or`` ends."""
DETERMINER = r"\b(?:an?|the|my|our|your|his|her|their)\s+"
EVERYDAY = r"(?:house|rock|metal|country|trap|garage|jungle|soul)"
OTHERWISE = re.compile(
    rf"({DETERMINER}(?:[\w-]+\s+)?){EVERYDAY}(?=\s+(?:by|near|under|behind|beside|in|on|at)\s+"
    rf"{DETERMINER}(?!style|vein|spirit|key|major|minor))"
    rf"|({DETERMINER}){EVERYDAY}(?=\s*(?:$|[,.;:!?]))"
    rf"|\b{EVERYDAY}(?=\s+(?:door|gate|roof|road|lane|cottage|pool|garden)s?\b)",
    re.IGNORECASE,
)
"""A genre that is a thing: a house by the sea, the rock, country roads."""


def asked_bpm(prompt: str) -> float | None:
    """Return the tempo a prompt names outright, as in ``120 bpm``."""
    found = BPM.search(prompt)
    return float(found[1]) if found else None


def asked_key(prompt: str) -> str | None:
    """Return the key a prompt names outright, as in ``in F sharp minor``; ``in Bb`` is major.

    ``A major`` may be an article with its adjective, and small letters may be anything: they need
    a word like ``in``, or to stand between commas. A small ``a``, and a tonic without a mode, need
    ``key of``, or ``in`` before them and no noun behind (``in a minor mood``).
    """
    for found in KEY.finditer(prompt):
        if _is_key(prompt, found):
            sign = found[2] or {"sharp": "#", "flat": "b"}.get((found[3] or "").lower(), "")
            return str(Key.parse(f"{found[1].upper()}{sign} {found[4] or 'major'}"))
    return None


def _is_key(prompt: str, found: re.Match[str]) -> bool:
    head, tonic, mode = prompt[: found.start()], found[1], found[4]
    signed, ends = found[2] or found[3], KEY_ENDS.match(prompt, found.end())
    if not mode:
        before = KEY_BEFORE if tonic.isupper() else KEY_OF
        return bool(ends and before.search(head))
    if tonic == "a" and not signed:
        alone = KEY_BEFORE.search(head) or OPENS.search(head)
        return bool(KEY_OF.search(head) or (ends and alone))
    article = tonic == "A" and not signed and mode.lower() in ("major", "minor")
    plain = tonic.isupper() and not article
    return plain or _is_named(prompt, found, KEY_BEFORE, KEY_AFTER)


def asked_metre(prompt: str) -> str | None:
    """Return the time signature a prompt names outright, as ``6/8`` or as a waltz.

    ``3/4`` may be a part of anything: it needs a word like ``time``, or to stand between commas.
    """
    for found in METRE.finditer(prompt):
        named = _is_named(prompt, found, METRE_BEFORE, METRE_AFTER)
        measure = MEASURE_AFTER.match(prompt, found.end())
        if not measure and (named or found[0] != "3/4"):
            return found[0]
    words = meant(prompt)
    return "3/4" if THREE.search(words) else "6/8" if SIX.search(words) else None


def _is_named(
    prompt: str, found: re.Match[str], before: re.Pattern[str], after: re.Pattern[str]
) -> bool:
    """Whether the words around tell what was found, or it stands alone between commas."""
    head = prompt[: found.start()]
    if before.search(head) or after.match(prompt, found.end()):
        return True
    return bool(OPENS.search(head) and CLOSES.match(prompt, found.end()))


def meant(prompt: str) -> str:
    """Return a prompt without what it negates (``not jazz``) and the genres that are things."""
    return OTHERWISE.sub(r"\1\2", NEGATED.sub(",", prompt))


def named_genres(prompt: str, known: Callable[[str], str | None]) -> list[str]:
    """Return the genres a prompt's words name, longest names first, in the order they come.

    ``known`` gives the one spelling of a name, None where it is no genre's.
    """
    words = re.findall(r"[\w&'-]+", meant(prompt).lower())
    found: list[str] = []
    at = 0
    while at < len(words):
        for count in range(min(LONGEST_GENRE, len(words) - at), 0, -1):
            name = " ".join(words[at : at + count])
            genre = None if name in MOOD_NOT_GENRE else known(name)
            if genre is not None:
                found += [genre] if genre not in found else []
                at += count - 1
                break
        at += 1
    return found
