"""Names that strangers wrote: shown without harm, and compared."""

from __future__ import annotations

import unicodedata
from textwrap import shorten

JOINERS = "\u200c\u200d"
"""What letters of some scripts, and emoji, are joined or parted with."""


def printable(text: str) -> str:
    """Return a text in one line, without what would steer a terminal or turn its direction."""
    return "".join(
        c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text
    )


def short(text: str, letters: int) -> str:
    """Return a text that is printable and not longer, cut between words where it can be."""
    plain = printable(text)
    cut = shorten(plain, letters, placeholder=" ...", break_on_hyphens=False)
    return plain[: letters - 4] + " ..." if cut.strip() == "..." else cut


def folded(name: str) -> str:
    """Return a name as others may write it: small letters, plain spaces, one form of Unicode."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
