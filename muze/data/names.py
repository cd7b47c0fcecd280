"""Names that strangers wrote: shown without harm, and compared."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""What letters of some scripts, and emoji, are joined or parted with."""


def printable(text: str) -> str:
    """Return a text in one line, without what would steer a terminal or turn its direction."""
    return "".join(
        c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text
    )


def folded(name: str) -> str:
    """Return a name as others may write it: small letters, plain spaces, one form of Unicode."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
