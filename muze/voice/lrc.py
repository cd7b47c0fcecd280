"""Lyrics with their times, as players read them: LRC, with a time for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muze.voice.sing import SungWord


def write_lrc(lines: Sequence[Sequence[SungWord]], about: Mapping[str, str]) -> str:
    """Return enhanced LRC: ``[00:12.00] <00:12.00> Drive <00:12.45> until ... <00:15.10>``.

    ``about`` are its tags, ``ti`` the title, ``length`` mm:ss. The last time of a line is its end.
    """
    out = [f"[{tag}:{_plain(text)}]" for tag, text in about.items()]
    for words in lines:
        if words:
            timed = " ".join(f"<{clock(word.start)}> {_plain(word.text)}" for word in words)
            out.append(f"[{clock(words[0].start)}] {timed} <{clock(words[-1].end)}>")
    return "\n".join(out) + "\n"


def clock(seconds: float) -> str:
    """Return ``mm:ss.xx``, rounded to a hundredth."""
    hundredths = round(100 * max(0.0, seconds))
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes:02d}:{rest / 100:05.2f}"


def _plain(text: str) -> str:
    """Return text without what LRC would read as a tag, and on one line."""
    return " ".join(text.translate({ord(mark): " " for mark in "[]<>"}).split())
