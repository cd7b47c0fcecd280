import sys

import pytest

from muze.analysis import sentiment
from muze.analysis.sentiment import reader, sentiment_of
from muze.core.errors import ManifestError, NotInstalledError


def test_glad_words_are_above_zero_and_sad_ones_below():
    assert sentiment_of("What a wonderful day, I love you") > 0.5
    assert sentiment_of("I cry, lonely and afraid of death") < -0.5
    assert sentiment_of("the table is by the window") == 0


def test_lines_count_alike():
    glad, sad = sentiment_of("I love you"), sentiment_of("I hate you")
    assert sentiment_of("I love you\n\nI hate you\n") == pytest.approx((glad + sad) / 2)


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [("je t'aime", "fr", "in English only, not in 'fr'"), ("...", "en", "there are none")],
)
def test_what_cannot_be_read_is_told(text, language, told):
    with pytest.raises(ManifestError, match=told):
        sentiment_of(text, language)


def test_english_of_any_region_is_read_and_who_reads_it_is_told():
    assert sentiment_of("good", "en-gb") > 0
    assert reader().startswith("vaderSentiment 3")


def test_without_the_extra_it_is_told(monkeypatch):
    sentiment._vader.cache_clear()
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(NotInstalledError, match=r'pip install "muze\[lyrics\]"'):
        sentiment_of("good")
