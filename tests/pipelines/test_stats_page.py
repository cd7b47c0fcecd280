import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from muze.data.stats import summarise
from muze.pipelines.stats_page import COLOUR, MOST, stats_page

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


VOID = ("meta", "br", "img", "link", "hr", "input")


class Sound(HTMLParser):
    """Checks that every element is closed in order; notes their names and what they refer to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.referred, self.outside = [], [], set(), []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self._note(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._note(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def _note(self, attrs):
        for key, value in attrs:
            self.names += [value] if key == "id" else []
            self.referred |= set(re.findall(r"url\(#([^)]+)\)", value or ""))
            if key in ("href", "src", "xlink:href", "srcset", "data", "action"):
                self.referred.add(value.removeprefix("#"))
                self.outside += [] if value.startswith("#") else [value]


def everything():
    """Records of which every plot and table is made."""
    tags = ("artist", "key", "time_signature", "language")
    made = {name: {"backend": "x", "version": "1"} for name in ("tempo", "lyrics")}
    made["lyrics"]["reason"] = "no voice is heard"
    return [
        track(
            tempo=60.0 + index, loudness=-20.0 + index, sentiment_score=index / 9, lyrics=None,
            genre=["jazz"], has_vocals=index % 2 == 0, provenance=made,
            segments=[{"type": "verse", "start": 0.0, "end": 60.0}],
            **{name: f'{name} {index} & "#000000" id="a" <b>' for name in tags},
        )
        for index in range(5)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole_page():
    return stats_page(summarise(everything()), "songs")


def test_every_element_is_closed_and_every_name_is_used_and_there_once(whole_page):
    text = whole_page
    found = Sound(text)
    assert len(set(found.names)) == len(found.names)
    assert set(found.names) == found.referred
    assert found.outside == []
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 11
    for plot in plots:
        assert ElementTree.fromstring(plot).tag.endswith("svg")


def test_the_page_is_read_in_dark_and_in_light(whole_page):
    text = whole_page
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
    plots = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", plots))
    assert colours == {"none", "currentColor", COLOUR}
    assert 'artist 0 &amp; "#000000" id="a" &lt;b&gt;' in plots  # names are let be


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
    names = (NASTY, "--><script>alert(1)</script>", "]]></style><script>alert(1)</script>")
    page = Page(stats_page(summarise([track(**{field: name}) for name in names]), names[-1]))
    assert "script" not in page.tags
    assert {*names} <= {*page.texts}


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
