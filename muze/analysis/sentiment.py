"""Sentiment of words, by VADER's lexicon (Hutto & Gilbert 2014)."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from muze.core.errors import ManifestError, NotInstalledError

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


def sentiment_of(text: str, language: str = "en") -> float:
    """Return how glad English words are, from -1 to 1: the mean of their lines.

    Raises:
        ManifestError: the language is not English, or no words are there.
        NotInstalledError: vaderSentiment is missing; says how to get it.
    """
    if language.partition("-")[0] != "en":
        raise ManifestError(f"sentiment is read in English only, not in {language!r}")
    lines = [line for line in text.splitlines() if any(c.isalpha() for c in line)]
    if not lines:
        raise ManifestError("sentiment needs words; there are none")
    vader = _vader()
    return float(sum(vader.polarity_scores(line)["compound"] for line in lines) / len(lines))


def reader() -> str:
    """Return what reads sentiment, with its version, as a record's provenance tells it."""
    _vader()
    return f"vaderSentiment {version('vaderSentiment')}, English"


@lru_cache(maxsize=1)
def _vader() -> SentimentIntensityAnalyzer:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ModuleNotFoundError:
        raise NotInstalledError(
            'sentiment of words needs vaderSentiment: pip install "muze[lyrics]"'
        ) from None
    return SentimentIntensityAnalyzer()
