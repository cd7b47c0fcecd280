"""What a prompt's words name outright: tempo, key, metre, genres."""

from __future__ import annotations

import re
from collections.abc import Callable

from muze.core.theory import Key

MOOD_NOT_GENRE = {
    "musical", "film", "romantic", "swing", "experimental", "house band", "house by the",
    "house near the", "house on the", "house in the woods",
    "metal door", "metal gate", "country road", "country roads", "country lane", "country house",
    "trap door", "soul mate", "soul mates",
}  # fmt: skip
"""Words of the genre vocabulary that in a prompt more often mean something else."""
LONGEST_GENRE = 3
"""Words in the longest name of a genre: lo-fi hip hop."""

NOT = (
    r"no|not(?! (?:only|just|so|too|very)\b)|never|without|avoid|except|less|isn['’]t|"
    r"don['’]t want|(?:any|every)thing but|instead of|rather than"
)
WORD = r"[^\s,;:!?()|]+"
TURN = r"(?:but|with|only|just|over|in|on|for|to|at|n?or|and an?)\b"
"""What ends a negation: no vocals over a jazz beat."""
NEGATED = re.compile(
    rf"(?<![\w'-])(?:{NOT})\s+{WORD}(?:\s+(?!{TURN}){WORD}){{0,5}}"
    rf"(?:(?:,\s+{WORD})*,?\s+n?or\s+{WORD}(?:\s+(?!{TURN}){WORD}){{0,5}})*",
    re.IGNORECASE,
)
"""A negation and what it negates, also a list that ``or`` ends: no techno, house or trance."""
AROUND = 24
"""Letters before a find in which the words lie that tell what it is."""

BPM = re.compile(r"(\d+(?:\.\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)
KEY = re.compile(
    r"\b([A-Ga-g])(?:([#b])|[ -]((?i:sharp|flat)))?"
    r"(?:[ -]((?i:major|minor|dorian|phrygian|lydian|mixolydian|harmonic minor))\b|(?![\w#'-]))"
)
METRE = re.compile(r"(?<![\d/.])(?:[234]/4|5/4|[679]/8|12/8)(?![\d/])")
"""The time signatures in use; 1/4 and 2/3 are other things."""
CLAUSE_BEFORE = re.compile(r"(^|[,;:.(|])\s*$")
CLAUSE_AFTER = re.compile(r"\s*($|[,;:.)|])")
KEY_BEFORE = re.compile(r"\b(in|key( of)?:?)\s+$", re.IGNORECASE)
KEY_OF = re.compile(r"\bkey( of)?:?\s+$", re.IGNORECASE)
NO_NOUN = re.compile(
    r"\s*($|[,;:.!?()|]|-\s|(at|with|for|and|on|over|by|from|but|then)\b)", re.IGNORECASE
)
"""What follows a key; a noun does not, as in ``a minor mood``."""
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
WALTZES = re.compile(r"\b(waltz|waltzing|lullaby)\b", re.IGNORECASE)
JIGS = re.compile(r"\b(jig|tarantella)\b", re.IGNORECASE)


def meant(prompt: str) -> str:
    """Return a prompt without what it negates: ``not jazz``, ``without drums or rock``."""
    return NEGATED.sub(",", prompt)


def asked_bpm(prompt: str) -> float | None:
    """Return the tempo a prompt names outright, as in ``120 bpm``."""
    found = BPM.search(meant(prompt))
    return float(found[1]) if found else None


def asked_key(prompt: str) -> str | None:
    """Return the key a prompt names outright, as in ``in F sharp minor``; ``in Bb`` is major.

    ``A major`` may be an article with its adjective, and small letters may be anything: they need
    a word like ``in``, or to stand between commas. A small ``a``, and a tonic without a mode, need
    ``key of``, or ``in`` before them and no noun behind (``in a minor mood``).
    """
    prompt = meant(prompt)
    for found in KEY.finditer(prompt):
        if _is_key(prompt, found):
            sign = found[2] or {"sharp": "#", "flat": "b"}.get((found[3] or "").lower(), "")
            return str(Key.parse(f"{found[1].upper()}{sign} {found[4] or 'major'}"))
    return None


def _is_key(prompt: str, found: re.Match[str]) -> bool:
    head, tonic, mode = _before(prompt, found), found[1], found[4]
    alone = NO_NOUN.match(prompt, found.end())
    if not mode:
        return bool(alone and (KEY_BEFORE if tonic.isupper() else KEY_OF).search(head))
    named = KEY_OF.search(head) or KEY_AFTER.match(prompt, found.end())
    if tonic in "Aa" and not found[2] and not found[3]:  # may be an article with its adjective
        opened = KEY_BEFORE.search(head) or CLAUSE_BEFORE.search(head)
        sure = tonic == "A" and mode.lower() not in ("major", "minor")
        return bool(sure or KEY_OF.search(head) or (named and tonic == "A") or (alone and opened))
    return tonic.isupper() or bool(named) or _is_named(prompt, found, KEY_BEFORE, KEY_AFTER)


def asked_metre(prompt: str) -> str | None:
    """Return the time signature a prompt names outright, as ``6/8`` or as a waltz.

    ``3/4`` may be a part of anything: it needs a word like ``time``, or to stand between commas.
    """
    prompt = meant(prompt)
    for found in METRE.finditer(prompt):
        named = _is_named(prompt, found, METRE_BEFORE, METRE_AFTER)
        measure = MEASURE_AFTER.match(prompt, found.end())
        if not measure and (named or found[0] != "3/4"):
            return found[0]
    return "3/4" if WALTZES.search(prompt) else "6/8" if JIGS.search(prompt) else None


def _is_named(
    prompt: str, found: re.Match[str], before: re.Pattern[str], after: re.Pattern[str]
) -> bool:
    """Whether the words around tell what was found, or it stands alone between commas."""
    head = _before(prompt, found)
    if before.search(head) or after.match(prompt, found.end()):
        return True
    return bool(CLAUSE_BEFORE.search(head) and CLAUSE_AFTER.match(prompt, found.end()))


def _before(prompt: str, found: re.Match[str]) -> str:
    return prompt[max(0, found.start() - AROUND) : found.start()]


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
            if name in MOOD_NOT_GENRE:
                at += count - 1
                break
            if (genre := known(name)) is not None:
                found += [genre] if genre not in found else []
                at += count - 1
                break
        at += 1
    return found
