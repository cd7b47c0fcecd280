import re
from html.parser import HTMLParser

import pytest

from muze.data.stats import summarise
from muze.pipelines.stats_page import MOST, stats_page

NASTY = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Collects the tags and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v]

    def handle_data(self, data):
        self.texts.append(data.strip())


def track(**said):
    return {"audio_path": "a.wav", "duration": 60.0, "tempo": 100.0, **said}


def test_a_page_holds_its_plots_and_loads_nothing():
    records = [track(tempo=90.0, genre=["jazz"]), track(genre=["funk"], key="A minor")]
    page = Page(stats_page(summarise(records), "songs"))
    assert page.tags.count("svg") == 4  # duration, tempo, key, genre
    assert {"jazz", "funk", "A minor", "2 tracks, 0.03 hours"} <= set(page.texts)
    assert all(link.startswith("#") for link in page.links)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)


@pytest.mark.parametrize("field", ["artist", "genre", "key", "language", "time_signature"])
def test_names_are_text_however_they_are_written(field):
    for name in (NASTY, "--><script>alert(1)</script>", "]]></style><script>alert(1)</script>"):
        page = Page(stats_page(summarise([track(**{field: name})]), name))
        assert "script" not in page.tags
        assert name in page.texts


def test_reasons_and_methods_are_text_too():
    made = {"key": {"backend": NASTY, "reason": NASTY}, "tempo": {"backend": NASTY}, NASTY: {}}
    text = stats_page(summarise([track(key=None, provenance=made, **{NASTY: None})]), "x")
    assert "<script" not in text.lower()
    assert any(NASTY in told for told in Page(text).texts)


@pytest.mark.parametrize(
    "name", ["$x_1^$ $$ \\frac", "東京事変", "مرحبا", "a\x00b\x1b\x0c", " ", "x" * 999]
)
def test_names_in_any_script_are_drawn(name):
    text = stats_page(summarise([track(artist=name)] * 2), name)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    assert Page(text).tags.count("svg") == 3


def test_many_names_are_put_together():
    records = [track(artist=f"artist {number:03d}") for number in range(MOST + 7)]
    texts = Page(stats_page(summarise(records), "songs")).texts
    assert "7 others" in texts
    assert sum(text.startswith("artist 0") for text in texts) == MOST


def test_the_same_figures_give_the_same_page():
    stats = summarise([track(genre=["jazz"])])
    assert stats_page(stats, "songs") == stats_page(stats, "songs")
